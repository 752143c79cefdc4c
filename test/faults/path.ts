import type { Broker, BrokerName } from '../brokers/index.ts';
import type { Sender } from './load.ts';

/** Ports of one run; all but `listen` are those of fault proxies. */
export interface Lines {
  /** Where the gateway's listener listens. */
  readonly listen: number;
  /** Where clients reach that listener, or the gateway its other broker. */
  readonly client: number;
  /** Where the gateway reaches the broker. */
  readonly broker: number;
}

/** A way of messages through the gateway, with a real broker at one end and independent clients at both. */
export interface Path {
  readonly name: string;
  readonly broker: BrokerName;
  /** Whether messages come from clients of a listener or from the broker. */
  readonly source: 'listener' | 'broker';
  /** How the broker may end without forgetting what it has confirmed. */
  readonly ends: readonly NodeJS.Signals[];
  /** Whether it forgets, when it ends, what was settled, so that all may come again. */
  readonly forgets?: true;
  /** Whether its target recognises what the gateway sends to it again, as long as neither gateway nor endpoint is a new one. */
  readonly recognises?: true;
  /** Messages from the broker that the gateway has not settled, at most. */
  readonly window: number;
  /** Whether its client may have several messages of a key under way while their order holds. */
  readonly pipelined: boolean;
  /**
   * Whether its target refuses bodies over `poisonous` bytes for good; `again`: the first on a connection by closing the
   * channel, so that those under way are sent again.
   */
  readonly poison?: true | 'again';
  /** Runs side by side at one broker, where they mostly wait; those that end the broker go alone. */
  readonly width?: number;
  start(): Promise<RunningPath>;
}

/** Bytes over which a target refuses a message for good, where a path has such a target. */
export const poisonous = 20_000;

export interface RunningPath {
  /** Those that stand still or end. */
  readonly brokers: readonly Broker[];
  /** Where the proxy of the gateway's line to the broker leads, and where it must listen if the broker says so. */
  readonly line: { readonly target: number; readonly port?: number };
  /** The port that the other proxy leads to where that is not the gateway's listener but its other broker. */
  readonly other?: number;
  /** What one run has of it, under names of its own. @param targets one or two */
  prepare(run: string, lines: Lines, targets: number, random: () => number): Promise<Bench>;
  stop(): Promise<void>;
}

export interface Bench {
  /** The gateway's endpoints. */
  readonly endpoints: Readonly<Record<string, object>>;
  readonly from: { readonly endpoint: string; readonly address: string };
  readonly to: readonly { readonly endpoint: string; readonly address: string; readonly key?: string }[];
  /** A client that publishes. */
  connect: () => Promise<Sender>;
  /**
   * Reads what has come to a target's address, and what comes from now on. Where the gateway itself has it, readers are
   * there from the beginning; else they come when all is over.
   */
  readonly read: (address: string, take: (body: string) => void) => Promise<Reading>;
  readonly reads: 'always' | 'at the end';
  /** Removes what the run has left at the broker. */
  end(): Promise<void>;
}

export interface Reading {
  close(): Promise<void>;
}
