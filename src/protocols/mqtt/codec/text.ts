import { isUtf8 } from 'node:buffer';
import { malformed } from './violation.ts';

/** Characters that no topic, filter or client id needs and that [MQTT-1.5.4] says should not be used. */
const unfit = /[\u0000-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}/u;

/**
 * Decodes a UTF-8 string of MQTT (MQTT 5 §1.5.4).
 * @throws Violation malformed, for bytes that are not UTF-8 (surrogates included) or hold U+0000
 */
export function decodeText(bytes: Buffer, start: number, end: number): string {
  if (end - start <= 64) {
    let at = start;
    while (at < end && bytes[at]! > 0 && bytes[at]! < 0x80) at++;
    if (at === end) return bytes.toString('latin1', start, end);
  }
  const slice = bytes.subarray(start, end);
  if (!isUtf8(slice)) throw malformed('a string is not UTF-8'); // [MQTT-1.5.4-1]
  if (slice.includes(0)) throw malformed('a string holds U+0000'); // [MQTT-1.5.4-2]
  return bytes.toString('utf8', start, end);
}

/**
 * As decodeText, for names: topics, filters, client ids.
 * @throws Violation malformed, also for control characters and non-characters
 */
export function decodeName(bytes: Buffer, start: number, end: number): string {
  const name = decodeText(bytes, start, end);
  if (unfit.test(name)) throw malformed('a name holds a control character or a non-character');
  return name;
}
