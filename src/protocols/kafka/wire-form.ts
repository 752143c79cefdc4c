import type { IHeaders } from 'kafkajs';
import type { Wire } from '../../core/protocol.ts';
import { fromEnvelope, toEnvelope } from './mapping.ts';

/** A record of a topic, as a batch has it. */
export const kafkaWire: Wire = (message, address, now) => {
  const { key, value, timestamp, headers } = fromEnvelope(message, now);
  return {
    frame: {
      kind: value === null ? 'tombstone' : 'record',
      fields: [
        ['topic', address],
        ...(key === null ? [] : [['key', String(key)] as const]),
        ...(timestamp === undefined ? [] : [['timestamp', String(timestamp)] as const]),
        ...headers.map(([name, content]) => [`header ${name}`, String(content)] as const),
      ],
      body: value,
    },
    arrives: toEnvelope(address, {
      key: key === null ? null : Buffer.from(key),
      value,
      timestamp: String(timestamp ?? ''),
      headers: asRead(headers),
    }),
  };
};

/** Headers as kafkajs reads them: those of one name together. */
function asRead(headers: readonly (readonly [name: string, value: Buffer | string])[]): IHeaders {
  const all = new Map<string, Buffer[]>();
  for (const [name, content] of headers) {
    const known = all.get(name);
    if (known) known.push(Buffer.from(content));
    else all.set(name, [Buffer.from(content)]);
  }
  return Object.fromEntries([...all].map(([name, each]) => [name, each.length === 1 ? each[0]! : each]));
}
