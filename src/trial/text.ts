import { isUtf8 } from 'node:buffer';
import type { Header } from '../core/envelope.ts';
import { typeOf, valueToText } from '../core/header-values.ts';
import { plain } from '../core/plain-text.ts';
import type { DeadLetter } from '../core/storage.ts';

const longest = 500;

/** A body for people: text in quotes, bytes in base64, cut where it is long. */
export function bodyText(body: Uint8Array | null): string {
  if (body === null) return 'no body';
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = isUtf8(bytes) ? JSON.stringify(bytes.toString()) : `base64 ${bytes.toString('base64')}`;
  return text.length > longest ? `${text.slice(0, longest)}… (${body.length} bytes)` : text;
}

/** A header's value with its type, where that is not text. */
export function headerText([, value, declared]: Header): string {
  const type = typeOf(value, declared);
  return type === 'string' ? JSON.stringify(value) : `${plain(valueToText(value))} (${type})`;
}

/** A dead letter in one line. */
export function letterText({ route, endpoint, code, reason }: DeadLetter): string {
  const target = endpoint === undefined ? '' : ` for ${endpoint}`;
  return `dead letter of ${route}${target}: ${code}, ${reason}`;
}
