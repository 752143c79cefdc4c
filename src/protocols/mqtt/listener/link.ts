import type { Level } from '../codec/packet-types.ts';
import type { Reason } from '../codec/reasons.ts';
import type { Missed } from './missed.ts';

/** The connection that a session has at present. */
export interface Link {
  readonly level: Level;
  /** Is told of each message that a peer of MQTT 3 was sent. */
  readonly missed: Missed;
  /** Unacknowledged messages it takes at a time. */
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  /** Bytes that wait for it. */
  readonly pending: number;
  write(packet: Buffer): void;
  /** Closes it, telling an MQTT 5 client why. */
  disconnect(reason: Reason, why: string): void;
}

export interface SessionLimits {
  /** Messages that may wait for one client. */
  readonly backlog: number;
  /** Bytes that may wait for one client's connection. */
  readonly maxOutbound: number;
  /** Ms until a subscriber that does not acknowledge counts as lagging. */
  readonly grace: number;
  /** The most messages that are ever under way to one client. */
  readonly window: number;
}

/** What the listener counts of all its sessions. */
export interface Dropped {
  /** QoS 0 messages not written because the client does not read fast enough. */
  stalled: number;
  /** Messages larger than the client takes. */
  tooLarge: number;
  /** Messages for a client that is away, above the bound. */
  backlog: number;
  expired: number;
}
