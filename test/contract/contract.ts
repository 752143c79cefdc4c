import type { Endpoint, Traits } from '../../src/core/protocol.ts';

/** A message as an independent peer writes and reads it. */
export interface PeerMessage {
  readonly body: Buffer;
  /** Application headers as text, in order, without what the protocol itself adds. */
  readonly headers?: readonly (readonly [string, string])[] | undefined;
  readonly contentType?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly replyTo?: string | undefined;
}

/**
 * What a peer is told about a message it published. `closed`: its connection was closed without an answer, which is
 * how a protocol without negative answers says no; the client sends the message again when it is back.
 */
export type Answer = 'accepted' | 'refused' | 'closed';

/** Messages as they come to a peer that subscribes. */
export interface Inbox {
  readonly messages: readonly PeerMessage[];
  /** Confirms what has come so far, where the peer was told to hold its confirmation. */
  confirm(): void;
}

/** The other side of an endpoint, driven by an independent client library. */
export interface Peer {
  /** Publishes one message, asking for confirmation. */
  publish(address: string, message: PeerMessage): Promise<Answer>;
  /** Resolves once the subscription stands. With `hold`, messages are confirmed by `Inbox.confirm` only. */
  subscribe(address: string, options?: { readonly hold?: boolean }): Promise<Inbox>;
  close(): Promise<void>;
}

interface Common {
  readonly endpoint: Endpoint;
  /** A new peer; it is closed by `tearDown` if the case has not done so. */
  connect(): Promise<Peer>;
  tearDown(): Promise<void>;
}

/** A listener under test; its peers are its clients. */
export type ListenerBench = Common;

/** The connection to a real broker under test; its peers are other clients of that broker. */
export interface ClientBench extends Common {
  /** A second endpoint with the same identity at the broker, not yet opened. */
  again(): Endpoint;
  stopBroker(): Promise<void>;
  startBroker(): Promise<void>;
}

interface HarnessBase {
  readonly name: string;
  /** The protocol it belongs to, as in `type:`. */
  readonly protocol: string;
  readonly traits: Traits;
  /** Why this machine cannot run it, or false. */
  readonly skip: string | false;
  /** An address for one case; addresses of different words never meet. */
  address(word: string): string;
  /** The largest body that every part of this path takes. */
  readonly largest: number;
  /** Where a peer of this protocol version cannot say something: these message fields stay unset. */
  readonly peerLacks: readonly (keyof PeerMessage)[];
}

export interface ListenerHarness extends HarnessBase {
  readonly role: 'listener';
  /** What the sender of a message is told that was rejected or released. */
  readonly refusal: Answer;
  /** Bytes that are not of this protocol. */
  readonly malformed: Buffer;
  create(options: { readonly window: number }): Promise<ListenerBench>;
}

export interface ClientHarness extends HarnessBase {
  readonly role: 'client';
  create(options: { readonly window: number }): Promise<ClientBench>;
}

export type Harness = ListenerHarness | ClientHarness;
