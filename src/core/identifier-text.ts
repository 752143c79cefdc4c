import { Uuid, type Identifier } from './envelope.ts';
import { uuidForm, wholeFromText } from './header-values.ts';

/**
 * An identifier as one text that tells its type, by the prefixes of the AMQP JMS mapping (§3.2.1.2):
 * strings as they are, unless they begin with a prefix of these; `AMQP_UUID:`, `AMQP_ULONG:`, `AMQP_BINARY:` (hex).
 */
export function identifierToText(id: Identifier): string {
  if (typeof id === 'string') return id.startsWith('AMQP_') ? `AMQP_STRING:${id}` : id;
  if (typeof id === 'bigint') return `AMQP_ULONG:${id}`;
  if (id instanceof Uuid) return `AMQP_UUID:${id.text}`;
  return `AMQP_BINARY:${Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex')}`;
}

/** The reverse of identifierToText; a text that does not fit its prefix stays as it is. */
export function identifierFromText(text: string): Identifier {
  if (!text.startsWith('AMQP_')) return text;
  if (text.startsWith('AMQP_STRING:')) return text.slice(12);
  if (text.startsWith('AMQP_UUID:')) {
    const uuid = text.slice(10);
    return uuidForm.test(uuid) ? new Uuid(uuid) : text;
  }
  if (text.startsWith('AMQP_ULONG:')) return wholeFromText(text.slice(11), 'ulong') ?? text;
  if (/^AMQP_BINARY:([0-9a-f]{2})*$/i.test(text)) return new Uint8Array(Buffer.from(text.slice(12), 'hex'));
  return text;
}
