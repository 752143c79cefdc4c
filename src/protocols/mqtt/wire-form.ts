import type { Wire } from '../../core/protocol.ts';
import { fieldsOf } from '../../core/wire-fields.ts';
import { PacketReader } from './codec/packet-reader.ts';
import type { Level } from './codec/packet-types.ts';
import { Publication } from './codec/publication.ts';
import { readPublish, TopicNames } from './codec/publish.ts';
import { fromEnvelope, toEnvelope } from './mapping.ts';

/** The PUBLISH of a message to or from a peer of a version: 4 is 3.1.1. */
export const mqttWire =
  (level: Level): Wire =>
  (message, address, now) => {
    const written = fromEnvelope(message, address, now);
    const { topic, qos, retain, dup, properties, payload } = written;
    const id = qos === 0 ? 0 : 1;
    const copy = { level, qos, retain, dup, id, identifiers: [], alias: 0, aliasOnly: false };
    const bytes = new Publication(written, now).encode(copy, now);
    const reader = new PacketReader(bytes.length);
    reader.push(bytes);
    reader.next(() => undefined);
    const read = readPublish(
      reader.head,
      reader.bytes,
      reader.start,
      reader.end,
      level,
      new TopicNames(),
      [],
    );
    const { user = [], ...rest } = (level === 5 && properties) || {};
    return {
      frame: {
        kind: `PUBLISH (MQTT ${level === 5 ? '5' : level === 4 ? '3.1.1' : '3.1'})`,
        fields: [
          ...fieldsOf({ topic, qos, retain, dup }),
          ...fieldsOf(rest),
          ...user.map(([name, value]) => [`user property ${name}`, value] as const),
        ],
        body: payload,
        bytes,
      },
      arrives: toEnvelope(read.message, now),
    };
  };
