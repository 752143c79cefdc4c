/** The few MQTT 3.1.1 packets that the load generators need, written and read by hand. */

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/** Fixed header and content [MQTT-2.2]. */
export function packet(first: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const header = [first];
  let length = body.length;
  do {
    const digit = length % 128;
    length = Math.floor(length / 128);
    header.push(length > 0 ? digit | 0x80 : digit);
  } while (length > 0);
  return Buffer.concat([Buffer.from(header), body]);
}

/** CONNECT with a clean session and no keep-alive. */
export const connectPacket = (clientId: string): Buffer =>
  packet(0x10, text('MQTT'), Buffer.from([4, 0x02, 0, 0]), text(clientId));

export const subscribePacket = (filter: string, qos: number): Buffer =>
  packet(0x82, Buffer.from([0, 1]), text(filter), Buffer.from([qos]));

/** PUBLISH, and where its packet identifier (QoS > 0) and its body are. */
export function publishPacket(
  topic: string,
  qos: number,
  body: Buffer,
): { bytes: Buffer; idAt: number; bodyAt: number } {
  const bytes = packet(0x30 | (qos << 1), text(topic), Buffer.alloc(qos > 0 ? 2 : 0), body);
  const bodyAt = bytes.length - body.length;
  return { bytes, idAt: bodyAt - 2, bodyAt };
}

export const kind = { connect: 1, connack: 2, publish: 3, puback: 4, suback: 9 } as const;

/** Calls `on` for the packet at `start`, and returns where it ends; -1 where it is not complete. */
export function takePacket(
  bytes: Buffer,
  start: number,
  on: (first: number, bytes: Buffer, content: number, end: number) => void,
): number {
  let length = 0;
  let at = start + 1;
  for (let shift = 0; ; shift += 7) {
    if (at >= bytes.length) return -1;
    const digit = bytes[at++]!;
    length |= (digit & 0x7f) << shift;
    if (digit < 0x80) break;
    if (shift === 21) throw new Error('the peer sent a malformed MQTT packet length');
  }
  const end = at + length;
  if (end > bytes.length) return -1;
  on(bytes[start]!, bytes, at, end);
  return end;
}
