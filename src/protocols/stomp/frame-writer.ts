import type { Envelope } from '../../core/envelope.ts';
import type { JunctionError } from '../../core/errors.ts';
import { errorHeaders } from './errors.ts';
import { headerLine, versions, type Pair, type Version } from './frame.ts';
import { fromEnvelope } from './mapping.ts';

/** A frame without body, NUL included. */
export function encodeFrame(command: string, headers: readonly Pair[], version: Version): string {
  let text = `${command}\n`;
  for (const [name, value] of headers) text += headerLine(name, value, version);
  return `${text}\n\0`;
}

export function encodeReceipt(receipt: string, version: Version): string {
  return `RECEIPT\n${headerLine('receipt-id', receipt, version)}\n\0`;
}

/** @param version undefined where none is agreed: then the client is told which are spoken here */
export function encodeError(
  error: JunctionError,
  receipt: string | undefined,
  version: Version | undefined,
): string {
  const body = error.message.replaceAll('\0', '');
  const headers = errorHeaders(error, receipt);
  if (version === undefined) headers.push(['version', versions.join(',')]);
  headers.push(['content-length', String(Buffer.byteLength(body))]);
  return `${encodeFrame('ERROR', headers, version ?? '1.0').slice(0, -1)}${body}\0`;
}

/**
 * Writes the part of a MESSAGE's head that is the same for every subscriber. It remembers the last message, so that
 * one published to a thousand subscribers is mapped and escaped once.
 */
export class MessageEncoder {
  readonly #onLoss: (names: readonly string[], version: Version) => void;
  #last: Envelope | undefined;
  #version: Version | undefined;
  #alias: string | undefined;
  #lines = '';

  /** @param onLoss told of the headers of a message that this version has no way to write */
  constructor(onLoss: (names: readonly string[], version: Version) => void) {
    this.#onLoss = onLoss;
  }

  /**
   * Header lines up to the empty line, without message-id, which the subscription chooses.
   * @param alias what the subscriber calls the destination, where that is not its address
   */
  lines(message: Envelope, version: Version, alias: string | undefined): string {
    if (message !== this.#last || version !== this.#version || alias !== this.#alias) {
      this.#lines = this.#encode(message, version, alias);
      this.#last = message;
      this.#version = version;
      this.#alias = alias;
    }
    return this.#lines;
  }

  /** Lets go of the last message. */
  clear(): void {
    this.#last = undefined;
  }

  #encode(message: Envelope, version: Version, alias: string | undefined): string {
    let lines = '';
    let lost: string[] | undefined;
    for (const [name, value] of fromEnvelope(message, version)) {
      if (name === 'message-id') continue;
      const line = headerLine(name, name === 'destination' && alias !== undefined ? alias : value, version);
      if (line === '') (lost ??= []).push(name);
      lines += line;
    }
    if (lost) this.#onLoss(lost, version);
    return `${lines}content-length:${message.body?.length ?? 0}\n\n`;
  }
}
