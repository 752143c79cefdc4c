import type { Duplex } from 'node:stream';
import { basicClass, frameEnd, FrameType, Method } from '../codec/methods.ts';
import { Writer } from '../codec/writer.ts';

const slab = 64 * 1024;
/** Bodies from here on are written as they are instead of being copied. */
const large = 8 * 1024;
/** Bytes that may wait in the socket before publishing pauses. */
const congestion = 1024 * 1024;

/** Before the name of a pseudo-queue of direct reply-to. */
const directReplies = 'amq.rabbitmq.reply-to.';

const endOctet = Buffer.of(frameEnd);

/** Frames on their way out: what one turn of the event loop makes is written at once. */
export class Output {
  readonly #stream: Duplex;
  readonly #chunks: Buffer[] = [];
  #writer = new Writer(slab);
  #held = 0;
  #flush: NodeJS.Immediate | undefined;
  /** Whether anything was written since the last heartbeat was due. */
  active = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  get congested(): boolean {
    return this.#stream.writableLength + this.#held + this.#writer.length > congestion;
  }

  /** A method frame; `args` writes its arguments. */
  method(channel: number, method: number, args?: (writer: Writer) => void): void {
    const place = this.#begin(FrameType.method, channel);
    this.#writer.long(method);
    args?.(this.#writer);
    this.#end(place);
  }

  /**
   * basic.publish with its content.
   * @param properties as writeProperties encodes them
   * @param frameMax octets of one frame, at most
   */
  publish(
    channel: number,
    exchange: string,
    routingKey: string,
    properties: Uint8Array,
    body: Uint8Array,
    frameMax: number,
  ): void {
    let place = this.#begin(FrameType.method, channel);
    this.#writer.long(Method.basicPublish);
    this.#writer.short(0);
    this.#writer.shortString(exchange);
    this.#writer.shortString(routingKey);
    // mandatory: what no queue takes is returned; so is what goes to direct reply-to, which is no queue but takes it
    this.#writer.octet(exchange === '' && routingKey.startsWith(directReplies) ? 0 : 1);
    this.#end(place);
    place = this.#begin(FrameType.header, channel);
    this.#writer.short(basicClass);
    this.#writer.short(0);
    this.#writer.tag(body.length);
    this.#writer.raw(properties);
    this.#end(place);
    for (let at = 0; at < body.length; at += frameMax - 8)
      this.#body(channel, body.subarray(at, at + frameMax - 8));
  }

  heartbeat(): void {
    this.#end(this.#begin(FrameType.heartbeat, 0));
  }

  raw(bytes: Uint8Array): void {
    this.#writer.raw(bytes);
    this.#schedule();
  }

  /** Writes now what waits. */
  flush(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    if (this.#writer.length > 0) this.#chunks.push(this.#writer.release(slab));
    if (this.#chunks.length === 0 || !this.#stream.writable) return;
    this.active = true;
    this.#stream.cork();
    for (const chunk of this.#chunks) this.#stream.write(chunk);
    this.#stream.uncork();
    this.#chunks.length = 0;
    this.#held = 0;
  }

  /** Writes nothing more. */
  end(): void {
    clearImmediate(this.#flush);
    this.#chunks.length = 0;
    this.#writer.clear();
  }

  #body(channel: number, part: Uint8Array): void {
    if (part.length < large) {
      const place = this.#begin(FrameType.body, channel);
      this.#writer.raw(part);
      this.#end(place);
      return;
    }
    this.#writer.octet(FrameType.body);
    this.#writer.short(channel);
    this.#writer.long(part.length);
    this.#cut();
    this.#chunks.push(Buffer.from(part.buffer, part.byteOffset, part.byteLength), endOctet);
    this.#held += part.length;
    this.#schedule();
  }

  /** @returns the place of the frame's size */
  #begin(type: number, channel: number): number {
    this.#writer.octet(type);
    this.#writer.short(channel);
    return this.#writer.holdLong();
  }

  #end(place: number): void {
    this.#writer.setLong(place, this.#writer.length - place - 4);
    this.#writer.octet(frameEnd);
    if (this.#writer.length > slab - 4096) this.#cut();
    this.#schedule();
  }

  /** What is written so far becomes a chunk. */
  #cut(): void {
    this.#held += this.#writer.length;
    this.#chunks.push(this.#writer.release(slab));
  }

  #schedule(): void {
    this.#flush ??= setImmediate(() => this.flush());
  }
}
