import type { Traits } from '../../src/core/protocol.ts';
import type { Peer } from '../contract/contract.ts';

/** One of the kinds of endpoint of the matrix, with what stands behind it. */
export interface System {
  /** For the table and the names of endpoints and addresses: a word. */
  readonly name: string;
  /** What it is, e.g. `Apache Kafka 4.1`. */
  readonly title: string;
  readonly role: 'listener' | 'client';
  readonly traits: Traits;
  /** Whether this machine can run it; else why not. */
  readonly unavailable: string | false;
  /** How a word is written as an address; the same for the route and for the peer. */
  address(word: string): string;
  /** Starts the broker, if there is one, with queues or topics for these addresses. */
  start(addresses: readonly string[]): Promise<void>;
  /** The endpoint's settings in the gateway's configuration; after `start`. */
  settings(): Readonly<Record<string, unknown>>;
  /** A peer on the other side; of a listener, which listens on `port`. */
  connect(port: number): Promise<Peer>;
  stop(): Promise<void>;
}
