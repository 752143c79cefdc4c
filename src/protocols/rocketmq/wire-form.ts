import type { Wire } from '../../core/protocol.ts';
import { fieldsOf } from '../../core/wire-fields.ts';
import { groupOf, toEnvelope, toMessage, toProperties } from './mapping.ts';
import { definition, MessageType, resource } from './wire.ts';

/** The message of a SendMessage; `fifo`: to a topic that keeps the order of each group. */
export const rocketMqWire =
  (fifo: boolean): Wire =>
  (message, address) => {
    const [topic = address, tag] = address.split(':');
    const properties = toProperties(message, fifo && message.key !== undefined);
    const written = toMessage(message, properties, {
      topic: resource(topic, ''),
      tag: tag ?? properties.tag,
      type: fifo ? MessageType.FIFO : MessageType.NORMAL,
      group: fifo ? groupOf(message.key) : undefined,
      deliverAt: properties.deliverAt,
    });
    const bytes = written.serializeBinary();
    const got = definition.Message.deserializeBinary(bytes);
    const system = got.getSystemProperties();
    return {
      frame: {
        kind: 'SendMessage',
        fields: [
          ...fieldsOf({
            topic,
            tag: system?.getTag() || undefined,
            keys: system?.getKeysList().join(' ') || undefined,
            messageGroup: system?.getMessageGroup() || undefined,
          }),
          ...[...properties.pairs].map(([name, value]) => [`property ${name}`, value] as const),
        ],
        body: got.getBody_asU8(),
        bytes,
      },
      arrives: toEnvelope(got, address, got.getBody_asU8(), false),
    };
  };
