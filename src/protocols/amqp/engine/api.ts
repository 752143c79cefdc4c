/**
 * The engine's public face: AMQP 1.0 without sockets, as a listener and as a client speak it. Bytes go in by `receive`, events come
 * out by the handlers, bytes come out by `flush`. Nothing in the engine reads a clock, opens a socket or starts a
 * timer: its owner does.
 *
 * Use:
 *
 *     const connection = new AmqpConnection(options, handler);   // engine/connection.ts; a client: client-connection.ts
 *     socket.on('data', (chunk) => connection.receive(chunk));
 *     // handler.onOutput: schedule one `connection.flush((chunk) => socket.write(chunk))` for this tick
 *     // one sweep for all connections, about every second: connection.tick(performance.now())
 *     socket.on('close', () => connection.disconnected());
 */
import type { AmqpMap, AmqpValue } from '../codec/types.ts';
import type { AuthenticationRequest, SaslMechanism, ScramCredential } from './sasl-types.ts';

/** An error as it travels in close, end, detach and rejected (§2.8.14). */
export interface AmqpError {
  /** A symbol such as `amqp:not-found`. */
  readonly condition: string;
  readonly description?: string | undefined;
  readonly info?: AmqpMap | undefined;
}

/** How a delivery ended (§3.4). `modified` counts as a failed delivery only with `deliveryFailed`. */
export type DeliveryOutcome =
  | { readonly state: 'accepted' }
  | { readonly state: 'rejected'; readonly error?: AmqpError | undefined }
  | { readonly state: 'released' }
  | {
      readonly state: 'modified';
      readonly deliveryFailed: boolean;
      readonly undeliverableHere: boolean;
      readonly messageAnnotations?: AmqpMap | undefined;
    };

export interface EngineOptions {
  readonly containerId: string;
  /** Whom we have dialled, sent in our open. */
  readonly hostname?: string | undefined;
  /** The largest frame we take, in bytes; at least 512. Default 65,536. */
  readonly maxFrameSize?: number;
  /** The highest channel number we take. Default 255. */
  readonly channelMax?: number;
  /** The highest handle we take in a session. Default 1,023. */
  readonly handleMax?: number;
  /** How many links one connection may have at a time. Default 4,096. */
  readonly maxLinks?: number;
  /** How long, in ms, the peer may be silent; half of it is announced to the peer (§2.4.5). 0: for ever. Default 60,000. */
  readonly idleTimeout?: number;
  /** How long, in ms, the peer may take from connect until its open. Default 10,000. */
  readonly openTimeout?: number;
  /** The largest message we take, in bytes. Default 4 MiB. */
  readonly maxMessageSize?: number;
  /** How many bytes of messages that arrive in several frames one connection may have under way. Default 8 × `maxMessageSize`. */
  readonly maxGathered?: number;
  /** How many transfer frames a session may have outstanding before we must say go on (§2.5.6). Default 2,048. */
  readonly incomingWindow?: number;
  /** SASL mechanisms, in order of preference. Default ANONYMOUS. */
  readonly mechanisms?: readonly SaslMechanism[];
  /**
   * Whether a peer that skips SASL is refused. Default false: it counts as EXTERNAL where it has an `identity`, else as
   * ANONYMOUS, so that must be among the mechanisms too.
   */
  readonly requireSasl?: boolean;
  /** Who a layer below, such as TLS, has proved the peer to be: the user that EXTERNAL stands for. */
  readonly identity?: string | undefined;
  /** Sent in our open. */
  readonly offeredCapabilities?: readonly string[];
  /** Sent in our open: product, version … */
  readonly properties?: AmqpMap;
}

/** What the peer said in its open (§2.7.1). */
export interface PeerOpen {
  readonly containerId: string;
  readonly hostname: string | undefined;
  readonly maxFrameSize: number;
  readonly channelMax: number;
  /** In ms; 0 where it did not ask for one. */
  readonly idleTimeout: number;
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  readonly properties: AmqpMap | undefined;
}

/** A source (§3.5.3) or target (§3.5.4). Fields that only sources have are undefined or empty on targets. */
export interface Terminus {
  /** undefined where it is null: dynamic, or the anonymous terminus (a sender that names `to` in each message). */
  readonly address: string | undefined;
  readonly durable: 'none' | 'configuration' | 'unsettled-state';
  readonly expiryPolicy: 'link-detach' | 'session-end' | 'connection-close' | 'never';
  /** In seconds. */
  readonly timeout: number;
  readonly dynamic: boolean;
  readonly dynamicNodeProperties: AmqpMap | undefined;
  /** `move` or `copy`, sources only. */
  readonly distributionMode: string | undefined;
  /** Filter set of a source: symbol → described value. */
  readonly filter: AmqpMap | undefined;
  readonly defaultOutcome: AmqpValue | undefined;
  readonly outcomes: readonly string[];
  readonly capabilities: readonly string[];
}

/** What every link has. Links are identified by name and direction within a session; both may share a name. */
export interface Link {
  readonly name: string;
  readonly connection: Connection;
  /** As the peer sent it; undefined where it was null. */
  readonly source: Terminus | undefined;
  /** As the peer sent it; undefined where it was null. */
  readonly target: Terminus | undefined;
  readonly senderSettleMode: 'unsettled' | 'settled' | 'mixed';
  readonly receiverSettleMode: 'first' | 'second';
  readonly properties: AmqpMap | undefined;
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  /** Whether it is attached both ways now. */
  readonly open: boolean;
  /** Instead of `accept`: attach with a null terminus, then detach with this error (§2.6.3). */
  refuse(error: AmqpError): void;
  /** Ends it from our side. `onDetach` is not called. `closed` (default) tells the peer that it is gone for good. */
  detach(error?: AmqpError, closed?: boolean): void;
}

/** What is common to our attach replies. */
export interface AcceptOptions {
  /** Replaces fields of the peer's source in our reply, and is all of it where the peer names none (§2.6.3). A filter is echoed only if it is given here: it means it is in force. */
  readonly source?: Partial<Terminus>;
  /** Replaces fields of the peer's target in our reply, e.g. `address` of a dynamic one. */
  readonly target?: Partial<Terminus>;
  readonly offeredCapabilities?: readonly string[];
  readonly properties?: AmqpMap;
}

export interface AcceptIncoming extends AcceptOptions {
  readonly handler: IncomingLinkHandler;
  /**
   * How many messages may be on their way or not yet settled by us: credit is granted at once, and again as
   * deliveries are settled. Default 0: no credit until `addCredit` or `setWindow`.
   */
  readonly window?: number;
}

export interface AcceptOutgoing extends AcceptOptions {
  readonly handler: OutgoingLinkHandler;
}

interface LinkTermini {
  /** Unique among the links of one direction; with the container-id it names what is durable. */
  readonly name: string;
  readonly source: Terminus;
  readonly target: Terminus;
  /** The largest message that we take, in bytes; 0 on a link on which we send. */
  readonly maxMessageSize: number;
}

/**
 * A link that we attach. Its handler hears `onAttached` once, unless the peer refuses it, which `onDetach` tells, as
 * it tells the end of session or connection.
 */
export type LinkRequest =
  | (LinkTermini & {
      /** We receive. */
      readonly receiver: true;
      readonly handler: IncomingLinkHandler & {
        /** It stands; no credit is granted before `setWindow` or `addCredit`. */
        onAttached(link: IncomingLink): void;
      };
    })
  | (LinkTermini & {
      /** We send. */
      readonly receiver: false;
      readonly handler: OutgoingLinkHandler & {
        /** It stands; credit follows by `onCredit`. */
        onAttached(link: OutgoingLink): void;
      };
    });

/** A link on which the PEER SENDS and we receive. */
export interface IncomingLink extends Link {
  readonly direction: 'incoming';
  /** Answers the attach. May be called later than in `onIncomingLink`; if the link has ended meanwhile, `onDetach` follows at once. */
  accept(options: AcceptIncoming): void;
  /** What the peer may still send. */
  readonly credit: number;
  /** Deliveries handed over and not yet settled by us. */
  readonly unsettled: number;
  /** Grants credit by hand; only with a window of 0. */
  addCredit(count: number): void;
  /** Changes the window. A smaller one takes effect as the peer uses up its credit; 0 pauses it. */
  setWindow(window: number): void;
}

export interface IncomingLinkHandler {
  /** One whole message. Aborted ones are never seen. */
  onTransfer(delivery: IncomingDelivery): void;
  /** The peer ended the link, its session or connection, or a protocol error did. Deliveries not yet settled cannot be settled any more. */
  onDetach(error: AmqpError | undefined, closed: boolean): void;
}

export interface IncomingDelivery {
  readonly link: IncomingLink;
  /** The encoded message; a part of the received chunk, or a buffer of its own where it came in several frames. */
  readonly bytes: Buffer;
  readonly messageFormat: number;
  readonly tag: Uint8Array;
  /** Whether the peer sent it settled: it expects no answer. */
  readonly settled: boolean;
  /**
   * To be called once for every delivery, also a settled one (nothing is sent for it, but its credit is returned).
   * Any order; later calls, and calls after the link ended, are ignored.
   */
  settle(outcome: DeliveryOutcome): void;
}

/** A link on which we send and the PEER RECEIVES. */
export interface OutgoingLink extends Link {
  readonly direction: 'outgoing';
  /** Answers the attach. May be called later than in `onOutgoingLink`; if the link has ended meanwhile, `onDetach` follows at once. */
  accept(options: AcceptOutgoing): void;
  /**
   * How many messages may be sent now: the peer's credit, or 0 while its session window is shut. When it grows from
   * any value `onCredit` is called.
   */
  readonly credit: number;
  /** Whether the peer is draining: what is available is to be sent now, the rest of the credit is given up. */
  readonly draining: boolean;
  /** Messages sent and not yet settled by the peer. */
  readonly unsettled: number;
  /** The largest message, in bytes, that the peer takes; Infinity where it names no limit. The owner must keep to it. */
  readonly maxMessageSize: number;
  /**
   * Sends one message; uses one credit.
   * @param bytes the encoded message (part of it may be written later: do not change it)
   * @param onSettled the peer's answer, called at most once; not called if the link ends first (`onDetach` tells).
   *   Without it the message is sent settled; also on a link whose peer asked for settled messages, where the
   *   answer is `accepted`, at once.
   * @throws Error if there is no credit or the link is not open: a defect of the caller
   */
  send(bytes: Buffer, onSettled?: (outcome: DeliveryOutcome) => void, messageFormat?: number): void;
}

export interface OutgoingLinkHandler {
  /**
   * There is more credit, or the peer drains: send what there is, synchronously. When it returns while draining,
   * the rest of the credit is given up and the peer is told so (§2.6.7).
   */
  onCredit(link: OutgoingLink): void;
  /** The peer ended the link, its session or connection, or a protocol error did. Its unsettled messages have no answer. */
  onDetach(error: AmqpError | undefined, closed: boolean): void;
}

/** What the owner of a connection provides. Its methods must not throw. */
export interface ConnectionHandler {
  /** Whether this peer may enter. Never called for mechanisms that are not offered. */
  authenticate(request: AuthenticationRequest): boolean | Promise<boolean>;
  /** The stored keys of a user for SCRAM; undefined for an unknown one. Needed only where SCRAM-SHA-256 is offered. */
  scramCredential?(username: string): ScramCredential | undefined | Promise<ScramCredential | undefined>;
  /** The peer's open has come and ours is about to be answered; `connection.close(error)` in here refuses it. */
  onOpen(connection: Connection, peer: PeerOpen): void;
  /** The peer wants to send to us: answer with `accept` or `refuse`, now or later. */
  onIncomingLink(link: IncomingLink): void;
  /** The peer wants to receive from us: answer with `accept` or `refuse`, now or later. */
  onOutgoingLink(link: OutgoingLink): void;
  /** There is output where there was none: call `flush` once before the end of this tick (queueMicrotask, setImmediate). */
  onOutput(): void;
  /**
   * The connection is over: flush, then end the socket. Called once, after every link's `onDetach`.
   * @param error what ended it: the peer's error, ours, or undefined for a clean close or disconnect
   * @param by who ended it
   */
  onClosed(error: AmqpError | undefined, by: 'peer' | 'us'): void;
}

export type ConnectionState = 'header' | 'sasl' | 'opening' | 'open' | 'closing' | 'closed';

export interface Connection {
  readonly state: ConnectionState;
  /** What the peer said in its open; undefined before. */
  readonly peer: PeerOpen | undefined;
  /** Who the peer has proved to be; undefined where it is anonymous. */
  readonly user: string | undefined;
  /** Takes bytes from the peer, split anywhere. Never throws: what is wrong ends the connection by `onClosed`. */
  receive(chunk: Buffer): void;
  /** Gives all pending output to `write`, in few large chunks that are the owner's from then on. */
  flush(write: (chunk: Buffer) => void): void;
  /** To be called about every second with a monotonic clock in ms: idle time-outs both ways, and the open deadline. */
  tick(now: number): void;
  /** Ends it from our side: close is sent, links are gone at once, `onClosed` follows when the peer answers (or at a later tick). */
  close(error?: AmqpError): void;
  /** The socket is gone. */
  disconnected(): void;
}
