import type { z } from 'zod';
import type { AddressPattern, AddressSyntax } from './address.ts';
import type { Envelope } from './envelope.ts';
import type { LossCounter } from './losses.ts';
import type { Outcome } from './outcome.ts';
import type { EndpointStorage } from './storage.ts';

/** What a source hands messages to: the routes that read from its endpoint. */
export interface Intake {
  /** The addresses the routes read, for a source that must subscribe at a broker. */
  readonly patterns: readonly AddressPattern[];
  /** The name of a route that reads this address, if one does. */
  readerOf(address: string): string | undefined;
  /**
   * Hands one message to every route that reads `envelope.address`; `accepted` once every target of every one of
   * them has it (at once where there is none). Never rejects. The source must not settle with its peer before
   * this resolves, and must stop reading from a peer that has `Context.window` messages unsettled: that is the
   * whole of back-pressure.
   */
  deliver(envelope: Envelope): Promise<Outcome>;
}

export interface Source {
  /** Starts handing over messages. Called once, after `open`. */
  start(intake: Intake): Promise<void>;
  /**
   * Other routes read from here now (`Intake.readerOf` tells), though not from where a client subscribes: of a listener,
   * whose clients may consume what a route reads from now on. Called in the tick in which that is so.
   */
  routesChanged?(): void;
  /** Takes no new messages; resolves once every message handed over is settled with its peer. */
  stop(): Promise<void>;
}

export interface Sink {
  /**
   * Resolves once the peer is responsible for the message; otherwise throws a JunctionError, whose `retryable`
   * says whether the same message may succeed later.
   * @param address where to, in this protocol's own syntax; not necessarily `envelope.address`
   */
  send(envelope: Envelope, address: string): Promise<void>;
}

export type EndpointState = 'connecting' | 'ready' | 'failing' | 'closed';

export interface EndpointStatus {
  readonly state: EndpointState;
  /** Why it is not ready, in words for an operator; never a secret. */
  readonly reason?: string;
  /** Where a listener listens or a client connects, e.g. `127.0.0.1:1883`; never a secret. */
  readonly at: string;
}

/** A listener, or the connection to a broker we dial. Constructors do no I/O. */
export interface Endpoint {
  readonly source: Source;
  readonly sink: Sink;
  /**
   * A listener: resolves once it listens, throws a JunctionError if it cannot. A broker we dial: resolves once the
   * first attempt to connect has begun; it connects, and reconnects with back-off, by itself from then on.
   */
  open(): Promise<void>;
  status(): EndpointStatus;
  /** Goes on by another configuration, at once; called only where its role says that it can (`Role.renews`). */
  renew?(config: unknown): void;
  /**
   * Idempotent. Does not wait for what is unsettled (`source.stop` does): its peers will send it again. Leaves no
   * socket, timer or listener behind.
   */
  close(): Promise<void>;
}

/** The few calls of a structured logger that endpoints use. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Context {
  /** The endpoint's name in the configuration. */
  readonly name: string;
  readonly log: Log;
  /** What it keeps over restarts; undefined: nothing is kept, since its role does not say that it keeps anything. */
  readonly storage?: EndpointStorage;
  /**
   * Is told what messages lose that only the endpoint knows of, such as at a peer of an older version; what its traits
   * say is counted without it.
   */
  readonly losses?: LossCounter;
}

/** The fields of an envelope that go from one protocol to another; the others are the gateway's own. */
export type MessageField = Exclude<keyof Envelope, 'via' | 'identity' | 'origin'>;

/** The latest time that dates reach, ms since the epoch. */
export const latest = 8.64e15;

/** What remains of a field that a protocol holds, but not whole. */
export interface Narrowed {
  /** A time in whole steps of so many ms: a timestamp is rounded down, what expires is rounded up. */
  readonly step?: number;
  /** The least and the most that it holds, for `expiresAt` in ms from now; what is outside is left out. */
  readonly range?: readonly [least: number, most: number];
}

/**
 * Sizes in bytes of UTF-8, over which a message is refused: by this gateway as `invalid-message`, or by the peer. That
 * of addresses is `AddressSyntax.maxBytes`.
 */
export interface Limits {
  /** Of a header's name. */
  readonly headerName?: number;
  /** Of one header's value, as it is written: binary in base64 where headers are text. */
  readonly headerValue?: number;
  /** Of the names and values of all headers and fields. */
  readonly headers?: number;
  /** How many headers there may be. */
  readonly headerCount?: number;
  /** Of a body, whatever brokers are configured to take. */
  readonly body?: number;
}

/** A bound of the size of messages. */
export interface Size {
  readonly bytes: number;
  /** Nobody has configured it. */
  readonly isDefault: boolean;
}

/** How large messages may be at an endpoint, as far as its configuration tells; larger ones are refused for good. */
export interface Sizes {
  /** That come from its peers. */
  readonly from?: Size;
  /** That go to them. */
  readonly to?: Size;
}

/**
 * What a protocol can hold: selects its contract tests, fills the documents, feeds the checker. A message that a
 * protocol can hold comes back from it equal (test/fidelity tries it, and that nothing is declared that does not happen).
 */
export interface Traits {
  /** `typed`: values keep their type natively; `text`: they travel as text beside a header that names their types. */
  readonly headers: 'typed' | 'text' | 'bytes' | 'none';
  /** Without this the first of several headers of one name is kept. */
  readonly repeatedHeaders: boolean;
  /** Headers of different names change places; those of one name keep their order. */
  readonly headerOrder?: 'lost';
  /**
   * Header values with control characters, such as a line break, travel in an encoded form: this gateway restores
   * them, other readers see that form.
   */
  readonly controlCharacters?: 'encoded';
  /**
   * The protocol has no place for a sender's message id: one travels as a header or property `message-id`, which few set.
   * Without this there is one, which a sender may leave empty.
   */
  readonly ids?: 'header';
  /** Messages without a key may overtake each other. */
  readonly unordered?: true;
  /** Why messages may be lost on their way from the peer to us, in the words of the configuration, e.g. `qos: 0`. */
  readonly losesMessages?: string;
  /** Envelope fields that this protocol cannot hold: they come back as if their sender had not said them. */
  readonly loses: readonly MessageField[];
  /** Fields that it holds in part. */
  readonly narrows?: Readonly<Partial<Record<MessageField, Narrowed>>>;
  /** Fields that it fills in where their sender has not. */
  readonly supplies?: readonly MessageField[];
  /** Fields that must be ASCII: a message in which one is not is refused. */
  readonly ascii?: readonly MessageField[];
  /** A body that is null (a tombstone) comes back empty. */
  readonly nullBody?: 'empty';
  readonly limits?: Limits;
  readonly sizes?: Sizes;
  /** A released message comes back to the source without a reconnect of its peer. */
  readonly redelivers: boolean;
}

/** What peers of an older version of a protocol can hold, where that is less. */
export interface OlderPeers {
  /** Such as `MQTT 3.1 and 3.1.1`. */
  readonly version: string;
  readonly traits: Traits;
}

/** A message as a protocol carries it, for people to look at. */
export interface WireMessage {
  /** What it is, in the protocol's words, e.g. `PUBLISH`. */
  readonly kind: string;
  /** Its fields in the protocol's words and in their order, as text; the body is not among them. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array | null;
  /** All of it as it goes over the line, where we write that ourselves. */
  readonly bytes?: Uint8Array;
}

/**
 * What becomes of a message on the line, without a connection: how it is written, and what a reader of the same protocol
 * makes of it.
 * @param now ms since the epoch at which it crosses
 * @throws JunctionError where it cannot be written
 */
export type Wire = (
  message: Envelope,
  address: string,
  now: number,
) => { readonly frame: WireMessage; readonly arrives: Envelope };

/** How a protocol carries a CloudEvent in binary mode: its protocol binding as data. Structured mode is alike everywhere. */
export interface CloudEventsBinding {
  /** Stands before the name of an attribute; empty where an attribute is a header of its own name. */
  readonly prefix: string;
  /** Other prefixes that senders use here; they are read, and written where a route says so. */
  readonly otherPrefixes?: readonly string[];
  /** What is written where the route does not say; binary unless this says otherwise. */
  readonly prefers?: 'structured';
  /** The header that holds the content type where the protocol’s own place for it is not the binding’s. */
  readonly contentType?: string;
  /** Integers are written as AMQP longs; otherwise as ints, which text protocols write as text. */
  readonly longs?: true;
  /** Bytes are written as base64, since header values must be text and the protocol would write them raw. */
  readonly bytesAsText?: true;
  /** Attribute names that the protocol's mapping takes for a field of the envelope. */
  readonly fields?: readonly ('subject' | 'priority' | 'timestamp')[];
}

/** One way to take part: as a listener or as a client. */
export interface Role<Schema extends z.ZodType = z.ZodType> {
  /** The configuration beside `type`. Strict: an unknown key is an error. */
  readonly config: Schema;
  readonly traits: Traits;
  /**
   * What an endpoint of this configuration holds, where that is not `traits`: it has limits, and a client may be told to
   * speak an older version.
   */
  traitsOf?(config: z.output<Schema>): Traits;
  /** Of a listener, whose peers choose the version: those for whom `traits` says too much. */
  readonly older?: OlderPeers;
  /** Whether an endpoint of this configuration keeps anything over restarts (`Context.storage`); default no. */
  keeps?(config: z.output<Schema>): boolean;
  /** Whether an open endpoint can go on by another configuration, e.g. other certificates; else it is opened anew. */
  renews?(before: z.output<Schema>, after: z.output<Schema>): boolean;
  /** How messages look on the line, for tests and explanations of routes. */
  wire?(config: z.output<Schema>): Wire;
  create(config: z.output<Schema>, context: Context): Endpoint;
  /**
   * Whether this is an address that a client is given for itself alone, under a name that is hard to guess: answers to its
   * requests may go there without leave. Default: there is none.
   */
  readonly isTemporary?: (address: string) => boolean;
}

/** The one value that a protocol's folder exports as default. */
export interface Protocol {
  /** As written in `type:`. */
  readonly name: string;
  readonly summary: string;
  readonly address: AddressSyntax;
  readonly cloudEvents: CloudEventsBinding;
  /** Chosen when the endpoint has `listen`. */
  readonly listener?: Role;
  /** Chosen when the endpoint has `url` or `brokers`. */
  readonly client?: Role;
}

/** Keeps the schema's type for `create` while the registry holds roles of any schema. */
export const defineRole = <Schema extends z.ZodType>(role: Role<Schema>): Role => role;
