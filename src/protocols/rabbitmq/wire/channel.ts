import { FrameType, Method } from '../codec/methods.ts';
import { Malformed, Reader } from '../codec/reader.ts';
import type { Writer } from '../codec/writer.ts';
import type { Output } from './output.ts';

/** Why a channel or connection is over. */
export class ClosedError extends Error {
  /** The broker's reply code, e.g. 404; 0 where it did not close it. */
  readonly code: number;
  /** The class and method it complains of; 0 where none. */
  readonly method: number;
  constructor(text: string, code = 0, method = 0) {
    super(text);
    this.code = code;
    this.method = method;
  }
}

/** A message as the broker hands it over. */
export interface Content {
  readonly exchange: string;
  readonly routingKey: string;
  /** As readProperties decodes them. */
  readonly properties: Buffer;
  /** Undefined where it is larger than the channel takes. */
  readonly body: Buffer | undefined;
}

/** What happens on a channel without being asked for. Must not throw. */
export interface ChannelEvents {
  delivered?(tag: number, redelivered: boolean, content: Content): void;
  /** What no queue took; its confirmation follows. */
  returned?(text: string, content: Content): void;
  confirmed?(tag: number, multiple: boolean, ok: boolean): void;
  /** The broker has ended the consumer. */
  cancelled?(): void;
  /** It is over, and not by `close`. */
  closed?(error: ClosedError): void;
}

interface Call {
  readonly reply: number;
  resolve(args: Reader): void;
  reject(error: ClosedError): void;
}

/** A message of which the method frame has come. */
interface Incoming {
  readonly method: number;
  readonly args: Reader;
  properties: Buffer | undefined;
  size: number;
  received: number;
  readonly parts: Buffer[];
}

/** One channel (§1.4 of the reference: channel class). Calls may be made one after the other without waiting. */
export class Channel {
  readonly id: number;
  readonly frameMax: number;
  readonly #out: Output;
  readonly #events: ChannelEvents;
  readonly #maxBody: number;
  readonly #ended: () => void;
  readonly #calls: Call[] = [];
  #incoming: Incoming | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';

  /**
   * @param maxBody the largest body to be taken, in bytes
   * @param ended called once its number may be used again
   */
  constructor(
    id: number,
    frameMax: number,
    out: Output,
    events: ChannelEvents,
    maxBody: number,
    ended: () => void,
  ) {
    this.id = id;
    this.frameMax = frameMax;
    this.#out = out;
    this.#events = events;
    this.#maxBody = maxBody;
    this.#ended = ended;
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  /** Writes a method that has no answer, if the channel is open. */
  tell(method: number, args?: (writer: Writer) => void): void {
    if (this.#state === 'open') this.#out.method(this.id, method, args);
  }

  /** Writes a method; resolves with the arguments of its answer. @throws ClosedError */
  call(method: number, reply: number, args?: (writer: Writer) => void): Promise<Reader> {
    if (this.#state !== 'open') return Promise.reject(new ClosedError('the channel is closed'));
    this.#out.method(this.id, method, args);
    return new Promise((resolve, reject) => this.#calls.push({ reply, resolve, reject }));
  }

  /** Writes a message, if the channel is open. */
  publish(exchange: string, routingKey: string, properties: Uint8Array, body: Uint8Array): void {
    if (this.#state !== 'open') return;
    this.#out.publish(this.id, exchange, routingKey, properties, body, this.frameMax);
  }

  /** Closes it; resolves once the broker has agreed, or the connection is over. */
  async close(): Promise<void> {
    if (this.#state !== 'open') return;
    const closed = this.call(Method.channelClose, Method.channelCloseOk, closeArgs);
    this.#state = 'closing';
    await closed.catch(() => undefined);
  }

  /** @throws Malformed, RangeError where the frame is not what the protocol allows */
  accept(type: number, payload: Buffer): void {
    if (type === FrameType.method) {
      const args = new Reader(payload);
      this.#method(args.long(), args);
    } else if (type === FrameType.header) this.#header(payload);
    else this.#body(payload);
  }

  /** The connection is over. */
  lost(error: ClosedError): void {
    if (this.#state === 'closed') return;
    const told = this.#state === 'open';
    this.#state = 'closed';
    this.#incoming = undefined;
    for (const call of this.#calls.splice(0)) call.reject(error);
    if (told) this.#events.closed?.(error);
  }

  #method(method: number, args: Reader): void {
    if (this.#state === 'closed') return;
    if (this.#incoming) throw new Malformed('a method came between the frames of a message');
    switch (method) {
      case Method.basicDeliver:
      case Method.basicReturn:
        this.#incoming = { method, args, properties: undefined, size: 0, received: 0, parts: [] };
        return;
      case Method.basicAck:
      case Method.basicNack: {
        const tag = args.tag();
        this.#events.confirmed?.(tag, (args.octet() & 1) !== 0, method === Method.basicAck);
        return;
      }
      case Method.basicCancel:
        this.#events.cancelled?.();
        return;
      case Method.channelFlow: {
        const active = args.octet() & 1;
        this.tell(Method.channelFlowOk, (writer) => writer.octet(active));
        return;
      }
      case Method.channelClose: {
        const code = args.short();
        const text = args.shortString();
        this.#out.method(this.id, Method.channelCloseOk);
        const error = new ClosedError(text, code, args.long());
        // Where both closed it, the answer to our own close may yet come: then its number is not used again.
        if (this.#state === 'open') this.#ended();
        return this.lost(error);
      }
      default: {
        const call = this.#calls.shift();
        if (call?.reply !== method) throw new Malformed(`method ${method} answers nothing that was asked`);
        if (method === Method.channelCloseOk) {
          this.#state = 'closed';
          this.#ended();
        }
        call.resolve(args);
      }
    }
  }

  #header(payload: Buffer): void {
    const incoming = this.#incoming;
    if (!incoming || incoming.properties) throw new Malformed('a content header came without its method');
    const reader = new Reader(payload, 4);
    incoming.size = reader.tag();
    // A copy: a small message must not keep all that came with it.
    incoming.properties = Buffer.from(payload.subarray(reader.at));
    if (incoming.size === 0) this.#complete(incoming);
  }

  #body(payload: Buffer): void {
    const incoming = this.#incoming;
    if (!incoming?.properties) throw new Malformed('a content body came without its header');
    incoming.received += payload.length;
    if (incoming.received > incoming.size) throw new Malformed('a body is longer than its header says');
    if (incoming.size <= this.#maxBody) incoming.parts.push(payload);
    if (incoming.received === incoming.size) this.#complete(incoming);
  }

  #complete({ method, args, properties, size, parts }: Incoming): void {
    this.#incoming = undefined;
    let body: Buffer | undefined;
    if (size <= this.#maxBody) {
      const single = parts.length === 1 ? parts[0]! : Buffer.concat(parts, size);
      body = parts.length === 1 && size < 16_384 ? Buffer.from(single) : single;
    }
    if (method === Method.basicDeliver) {
      args.shortBytes(); // the consumer's tag: there is one consumer to a channel
      const tag = args.tag();
      const redelivered = (args.octet() & 1) !== 0;
      const content = {
        exchange: args.shortString(),
        routingKey: args.shortString(),
        properties: properties!,
        body,
      };
      if (this.#state === 'open') this.#events.delivered?.(tag, redelivered, content);
    } else {
      args.short();
      const text = args.shortString();
      const content = {
        exchange: args.shortString(),
        routingKey: args.shortString(),
        properties: properties!,
        body,
      };
      this.#events.returned?.(text, content);
    }
  }
}

export const closeArgs = (writer: Writer): void => {
  writer.short(200);
  writer.shortString('');
  writer.long(0);
};
