import { framed } from './frames.ts';
import type { MakeWire } from './lane.ts';
import { connectPacket, kind, publishPacket, takePacket } from './mqtt-packets.ts';
import { writeStamp } from './stamp.ts';

/** PUBLISH with QoS 0 or 1; packet identifier = slot + 1. */
export const mqttSender: MakeWire = (spec, lane, events) => {
  const topic = spec.address.replaceAll('{n}', String(lane));
  const template = publishPacket(topic, spec.qos, Buffer.alloc(spec.messageSize, 'x'));
  return {
    hello: connectPacket(`bench-${process.pid}-${lane}`),
    frameBytes: template.bytes.length,
    write(into, at, slot, sequence, intended) {
      template.bytes.copy(into, at);
      if (spec.qos > 0) into.writeUInt16BE(slot + 1, at + template.idAt);
      writeStamp(into, at + template.bodyAt, spec.run, lane, sequence, intended);
    },
    read: framed(
      (bytes, start) => takePacket(bytes, start, answer),
      () => undefined,
    ),
  };

  function answer(first: number, bytes: Buffer, content: number): void {
    if (first >> 4 === kind.puback) return events.settled(bytes.readUInt16BE(content) - 1, true);
    if (first >> 4 !== kind.connack) throw new Error(`unexpected MQTT packet 0x${first.toString(16)}`);
    if (bytes[content + 1] !== 0) throw new Error(`CONNACK refused: ${bytes[content + 1]}`);
    events.open();
  }
};
