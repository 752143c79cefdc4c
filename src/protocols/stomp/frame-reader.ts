import { isUtf8 } from 'node:buffer';
import { JunctionError } from '../../core/errors.ts';
import { clientCommands, Frame, unescape, type Pair, type Version } from './frame.ts';
import { Growing } from './growing.ts';

export interface ReaderLimits {
  /** Command and headers of one frame, in bytes. */
  readonly maxHead: number;
  readonly maxHeaders: number;
  /** Body of a SEND or MESSAGE, in bytes. */
  readonly maxBody: number;
}

const NUL = 0;
const LF = 10;
const CR = 13;
const none = Buffer.alloc(0);
/** Longer than any command and its line end: what has no line end by then is not STOMP. */
const longestCommandLine = 16;

const malformed = (message: string): JunctionError => new JunctionError('invalid-message', message);

/**
 * Takes bytes as they come from a socket and gives the frames of a client, or of a server, however the bytes were divided.
 * Every limit is checked before the bytes it concerns are kept.
 */
export class FrameReader {
  /** Set once CONNECT has agreed on it; says how headers are escaped. */
  version: Version | undefined;
  readonly #limits: ReaderLimits;
  readonly #commands: ReadonlyMap<string, boolean>;
  #chunk: Buffer = none;
  #at = 0;
  /** The part of the head or body at hand that came in earlier chunks. */
  readonly #partial = new Growing();
  /** Scan state of the head at hand: whether its current line is empty, and which bits its bytes have in common. */
  #lineEmpty = false;
  #bits = 0;
  #inBody = false;
  #command = '';
  #headers: Pair[] = [];
  /** Of the body, as content-length says; -1 where NUL ends it. */
  #length = -1;

  /** @param commands what the peer may send; true where the frame may have a body */
  constructor(limits: ReaderLimits, commands: ReadonlyMap<string, boolean> = clientCommands) {
    this.#limits = limits;
    this.#commands = commands;
  }

  push(chunk: Buffer): void {
    this.#chunk =
      this.#at < this.#chunk.length ? Buffer.concat([this.#chunk.subarray(this.#at), chunk]) : chunk;
    this.#at = 0;
  }

  /**
   * The next whole frame, or undefined until more bytes are pushed.
   * @throws JunctionError invalid-message or too-large; the stream is of no use afterwards
   */
  next(): Frame | undefined {
    if (!this.#inBody && !this.#readHead()) return undefined;
    const body = this.#length < 0 ? this.#readToNul() : this.#readCounted();
    if (this.#at >= this.#chunk.length) this.#drop();
    if (body === undefined) return undefined;
    this.#inBody = false;
    return new Frame(this.#command, this.#headers, body);
  }

  /** All of the chunk is read: it must not be kept in memory. */
  #drop(): void {
    this.#chunk = none;
    this.#at = 0;
  }

  #readHead(): boolean {
    const chunk = this.#chunk;
    if (this.#partial.length === 0) {
      // Line ends between frames are heart-beats.
      let at = this.#at;
      while (at < chunk.length && (chunk[at] === LF || chunk[at] === CR)) at++;
      this.#at = at;
      this.#lineEmpty = false;
      this.#bits = 0;
    }
    if (this.#at >= chunk.length) {
      this.#drop();
      return false;
    }
    const start = this.#at;
    const end = this.#scan(chunk, start);
    const size = this.#partial.length + (end < 0 ? chunk.length : end) - start;
    if (size > this.#limits.maxHead)
      throw new JunctionError('too-large', `the headers are longer than ${this.#limits.maxHead} bytes`);
    if (end < 0) {
      this.#partial.append(chunk, start, chunk.length);
      this.#drop();
      this.#checkCommand(this.#partial.view());
      return false;
    }
    this.#at = end + 1;
    if (this.#partial.length === 0) {
      this.#parse(chunk, start, end);
    } else {
      this.#partial.append(chunk, start, end);
      this.#parse(this.#partial.take(), 0, size);
    }
    this.#inBody = true;
    return true;
  }

  /** Where the line feed of the empty line is that ends the head, or -1. Carries its state over chunks. */
  #scan(chunk: Buffer, start: number): number {
    let empty = this.#lineEmpty;
    let bits = this.#bits;
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (byte === LF) {
        if (empty) {
          this.#bits = bits;
          return at;
        }
        empty = true;
      } else if (byte === NUL) {
        throw malformed('a NUL stands before the empty line that ends the headers');
      } else if (byte !== CR) {
        empty = false;
        bits |= byte;
      }
    }
    this.#lineEmpty = empty;
    this.#bits = bits;
    return -1;
  }

  /** Refuses what is not STOMP (TLS, HTTP, …) as soon as it shows, not when its headers end. */
  #checkCommand(head: Buffer): void {
    const end = head.subarray(0, longestCommandLine).indexOf(LF);
    if (end < 0 && head.length < longestCommandLine) return;
    const line = head.toString('latin1', 0, end < 0 ? longestCommandLine : end);
    this.#known(line.endsWith('\r') ? line.slice(0, -1) : line);
  }

  #parse(bytes: Buffer, start: number, end: number): void {
    const text = this.#bits < 128 ? bytes.toString('latin1', start, end) : utf8(bytes.subarray(start, end));
    const escaped = text.includes('\\');
    const version = this.version;
    let from = text.indexOf('\n');
    this.#command = this.#known(text.slice(0, text.charCodeAt(from - 1) === CR ? from - 1 : from));
    this.#headers = [];
    this.#length = -1;
    from++;
    for (let lineEnd = text.indexOf('\n', from); lineEnd >= 0; lineEnd = text.indexOf('\n', from)) {
      const stop = text.charCodeAt(lineEnd - 1) === CR ? lineEnd - 1 : lineEnd;
      const colon = text.indexOf(':', from);
      if (colon <= from || colon >= stop) throw malformed('a header line is not NAME:VALUE');
      let name = text.slice(from, colon);
      let value = text.slice(colon + 1, stop);
      if (escaped) {
        name = unescape(name, version);
        value = unescape(value, version);
      }
      if (version === '1.0') value = value.trim(); // its examples have a space after the colon
      if (name === 'content-length' && this.#length < 0) this.#length = this.#bodyLength(value);
      if (this.#headers.length >= this.#limits.maxHeaders)
        throw new JunctionError('too-large', `a frame has more than ${this.#limits.maxHeaders} headers`);
      this.#headers.push([name, value]);
      from = lineEnd + 1;
    }
  }

  #bodyLength(text: string): number {
    if (!/^\d+$/.test(text)) throw malformed('content-length is not a decimal number');
    const length = Number(text);
    this.#checkBody(length);
    return length;
  }

  #checkBody(length: number): void {
    if (length > 0 && !this.#commands.get(this.#command))
      throw malformed(`${this.#command} must not have a body`);
    if (length > this.#limits.maxBody)
      throw new JunctionError('too-large', `the message is longer than ${this.#limits.maxBody} bytes`);
  }

  #readCounted(): Buffer | undefined {
    const chunk = this.#chunk;
    const start = this.#at;
    const length = this.#length;
    let body: Buffer;
    if (this.#partial.length === 0 && chunk.length - start > length) {
      body = length === 0 ? none : chunk.subarray(start, start + length);
      this.#at = start + length;
    } else {
      const end = Math.min(chunk.length, start + length - this.#partial.length);
      this.#partial.append(chunk, start, end, length);
      this.#at = end;
      if (end >= chunk.length) return undefined;
      body = this.#partial.take();
    }
    if (chunk[this.#at++] !== NUL)
      throw malformed(`no NUL follows the ${length} bytes that content-length announced`);
    return body;
  }

  #readToNul(): Buffer | undefined {
    const chunk = this.#chunk;
    const start = this.#at;
    const end = chunk.indexOf(NUL, start);
    const stop = end < 0 ? chunk.length : end;
    this.#checkBody(this.#partial.length + stop - start);
    this.#at = stop;
    if (end >= 0) this.#at++;
    if (end >= 0 && this.#partial.length === 0) return end === start ? none : chunk.subarray(start, end);
    this.#partial.append(chunk, start, stop);
    return end < 0 ? undefined : this.#partial.take();
  }

  #known(command: string): string {
    if (!this.#commands.has(command))
      throw malformed(`${JSON.stringify(command.slice(0, 32))} is not a command of STOMP`);
    return command;
  }
}

function utf8(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw malformed('the headers are not valid UTF-8');
  return bytes.toString('utf8');
}
