import type { Broker } from '../../brokers/index.ts';
import type { PeerMessage } from '../../contract/contract.ts';

/** A broker whose outages a gateway must survive, and its clients that know nothing of the gateway. */
export interface Stage {
  /** As people call it. */
  readonly name: string;
  /** Why this machine cannot run it, or false. */
  readonly unavailable: string | false;
  /** How it ends while messages go there, and while messages come from there. */
  readonly ends: { readonly asTarget: NodeJS.Signals; readonly asSource: NodeJS.Signals };
  /** Whether it forgets, when it ends so, what it was told to be settled: then all that was may come again. */
  readonly forgets?: true;
  /** How the gateway says that the broker does not let it in. */
  readonly refusal: RegExp;
  start(): Promise<RunningStage>;
}

export interface RunningStage {
  readonly broker: Broker;
  /** The endpoint's settings in the gateway's configuration. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The same broker with the name and the password of a user whom it does not know yet. */
  readonly stranger: Readonly<Record<string, unknown>>;
  /** How many connections of its own an endpoint has that log in; each says once that it cannot. */
  readonly logins: number;
  /** Where numbered messages go and where they come from, in the protocol's own syntax. */
  readonly addresses: { readonly target: string; readonly source: string };
  /** Publishes to `addresses.source`; resolves once the broker has confirmed it. */
  publish(body: string): Promise<void>;
  /** Reads what is at `addresses.target`, by a client that keeps no message for another. */
  read(): Promise<Reading>;
  /** Lets the stranger in, with a restart of the broker where it reads its users only then. */
  admit(): Promise<void>;
  stop(): Promise<void>;
}

export interface Reading {
  readonly messages: readonly Pick<PeerMessage, 'body'>[];
  close(): Promise<void>;
}

/** Who is let in late; the word must not be seen anywhere. */
export const stranger = { username: 'late', password: 'swordfish-4711' } as const;
