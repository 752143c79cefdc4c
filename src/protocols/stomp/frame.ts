import { JunctionError } from '../../core/errors.ts';

/** The versions of STOMP we speak, oldest first. */
export const versions = ['1.0', '1.1', '1.2'] as const;
export type Version = (typeof versions)[number];

/** One header as it is meant, i.e. unescaped. */
export type Pair = readonly [name: string, value: string];

/** What a client may send; true where the frame may have a body (STOMP 1.2 "Body"). */
export const clientCommands: ReadonlyMap<string, boolean> = new Map([
  ['CONNECT', false],
  ['STOMP', false],
  ['SEND', true],
  ['SUBSCRIBE', false],
  ['UNSUBSCRIBE', false],
  ['ACK', false],
  ['NACK', false],
  ['BEGIN', false],
  ['COMMIT', false],
  ['ABORT', false],
  ['DISCONNECT', false],
]);

/** What a server may send; true where the frame may have a body. Brokers put a few words into others, too. */
export const serverCommands: ReadonlyMap<string, boolean> = new Map([
  ['CONNECTED', false],
  ['MESSAGE', true],
  ['RECEIPT', false],
  ['ERROR', true],
]);

/** One whole frame. Headers are pairs in order: names come from outside and are never object keys. */
export class Frame {
  readonly command: string;
  readonly headers: readonly Pair[];
  /** Not copied: it may be part of the buffer the socket gave us. */
  readonly body: Buffer;

  constructor(command: string, headers: readonly Pair[], body: Buffer) {
    this.command = command;
    this.headers = headers;
    this.body = body;
  }

  /** The value of a header; the first of a repeated name counts (STOMP 1.2 "Repeated Header Entries"). */
  get(name: string): string | undefined {
    for (const header of this.headers) if (header[0] === name) return header[1];
    return undefined;
  }

  /** @throws JunctionError invalid-message where the header is missing */
  need(name: string): string {
    const value = this.get(name);
    if (value === undefined)
      throw new JunctionError('invalid-message', `${this.command} needs the header ${name}`);
    return value;
  }
}

const special = /[\\:\n\r\0]/;
const escapable = /[\\:\n\r]/g;

/**
 * One header as a line of a frame that is not CONNECT or CONNECTED; empty where this version has no way to write
 * it. 1.0 has no escapes, 1.1 has none for CR, and none has one for NUL: such a header is left out, because
 * written raw it would end the line, or the frame, and start another (STOMP 1.2 "Value Encoding").
 */
export function headerLine(name: string, value: string, version: Version): string {
  if (name === '') return '';
  const left = special.test(name) ? escape(name, version, true) : name;
  const right = special.test(value) ? escape(value, version, false) : value;
  return left === undefined || right === undefined ? '' : `${left}:${right}\n`;
}

function escape(text: string, version: Version, isName: boolean): string | undefined {
  if (text.includes('\0')) return undefined;
  if (version === '1.0') return /[\n\r]/.test(text) || (isName && text.includes(':')) ? undefined : text;
  if (version === '1.1' && text.includes('\r')) return undefined;
  return text.replace(escapable, (char) =>
    char === '\\' ? '\\\\' : char === ':' ? '\\c' : char === '\n' ? '\\n' : '\\r',
  );
}

/**
 * The meaning of an escaped name or value that was received.
 * @throws JunctionError invalid-message for an escape that this version does not define
 */
export function unescape(text: string, version: Version | undefined): string {
  // CONNECT, which comes before a version is agreed, and 1.0 are not escaped.
  if (version === undefined || version === '1.0') return text;
  let plain = '';
  let from = 0;
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', from)) {
    plain += text.slice(from, at);
    const code = text[at + 1];
    if (code === '\\') plain += '\\';
    else if (code === 'c') plain += ':';
    else if (code === 'n') plain += '\n';
    else if (code === 'r' && version === '1.2') plain += '\r';
    else
      throw new JunctionError(
        'invalid-message',
        `"\\${code ?? ''}" in a header is not an escape of STOMP ${version}`,
      );
    from = at + 2;
  }
  return plain + text.slice(from);
}
