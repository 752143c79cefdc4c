import type { Wire } from '../../core/protocol.ts';
import { fieldsOf, fieldText, headerFields } from '../../core/wire-fields.ts';
import { readMessage } from './codec/message-view.ts';
import { Typed } from './codec/types.ts';
import { fromEnvelope, toEnvelope } from './mapping.ts';

/** The message of a TRANSFER (AMQP 1.0 §3.2). */
export const amqpWire: Wire = (message, address, now) => {
  const bytes = fromEnvelope({ ...message, address }, message.deliveryCount, address, now);
  const view = readMessage(bytes);
  const annotations = [...(view.messageAnnotations?.entries ?? [])].map(
    ([name, value]) => [`annotation ${text(name)}`, text(value)] as const,
  );
  return {
    frame: {
      kind: `message with a body of ${view.body.kind}`,
      fields: [
        ...fieldsOf(view.header, 'header '),
        ...annotations,
        ...fieldsOf(view.properties),
        ...headerFields(view.applicationProperties, 'property '),
      ],
      body: view.body.bytes,
      bytes,
    },
    arrives: { ...toEnvelope(view, address, now), origin: undefined },
  };
};

const text = (value: unknown): string =>
  value instanceof Typed ? `${fieldText(value.value)} (${value.type})` : fieldText(value);
