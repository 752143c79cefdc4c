import type { IHeaders } from 'kafkajs';
import type { Wire } from '../../core/protocol.ts';
import { fieldText } from '../../core/wire-fields.ts';
import { fromEnvelope, toEnvelope } from './mapping.ts';

/** A record of a topic; its bytes are its producer's. */
export const kafkaWire: Wire = (message, address) => {
  const { key, value, timestamp, headers = {} } = fromEnvelope(message);
  const bytes = (each: Buffer | string): Buffer => (typeof each === 'string' ? Buffer.from(each) : each);
  const carried: IHeaders = {};
  for (const [name, given] of Object.entries(headers))
    if (given !== undefined) carried[name] = Array.isArray(given) ? given.map(bytes) : bytes(given);
  return {
    frame: {
      kind: value === null ? 'tombstone' : 'record',
      fields: [
        ['topic', address],
        ...(key === null || key === undefined ? [] : [['key', fieldText(String(key))] as const]),
        ...(timestamp === undefined ? [] : [['timestamp', timestamp] as const]),
        ...Object.entries(carried).flatMap(([name, given]) =>
          [given ?? []].flat().map((each) => [`header ${name}`, String(each)] as const),
        ),
      ],
      body: value === null ? null : bytes(value),
    },
    arrives: toEnvelope(address, {
      key: key === null || key === undefined ? null : bytes(key),
      value: value === null ? null : bytes(value),
      timestamp: timestamp ?? '',
      headers: carried,
    }),
  };
};
