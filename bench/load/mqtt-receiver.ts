import { connect } from 'node:net';
import { now } from './clock.ts';
import { framed } from './frames.ts';
import type { ReceiverSpec } from './messages.ts';
import { connectPacket, kind, subscribePacket, takePacket } from './mqtt-packets.ts';
import type { Tally } from './tally.ts';

/** A subscriber that acknowledges QoS 1 messages, all of one read in one write. */
export async function receiveMqtt(
  spec: ReceiverSpec,
  lane: number,
  tally: Tally,
  lost: (error: Error) => void,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: spec.port, noDelay: true });
    let acks: number[] = [];
    let arrived = 0;
    const read = framed((bytes, start) => takePacket(bytes, start, take), acknowledge);
    socket.on('error', lost);
    socket.on('close', () => lost(new Error('the peer closed the MQTT subscriber')));
    socket.on('data', (chunk: Buffer) => {
      arrived = now();
      read(chunk);
    });
    socket.write(connectPacket(`bench-sink-${process.pid}-${lane}`));

    function take(first: number, bytes: Buffer, content: number, end: number): void {
      switch (first >> 4) {
        case kind.publish: {
          let at = content + 2 + bytes.readUInt16BE(content);
          if ((first & 0x06) !== 0) {
            acks.push(bytes.readUInt16BE(at));
            at += 2;
          }
          return tally.record(bytes, at, end, arrived);
        }
        case kind.connack:
          if (bytes[content + 1] !== 0) return lost(new Error(`CONNACK refused: ${bytes[content + 1]}`));
          socket.write(subscribePacket(spec.address, spec.qos));
          return;
        case kind.suback:
          if (bytes[end - 1] !== spec.qos) return lost(new Error(`SUBACK: ${bytes[end - 1]}`));
          return resolve();
        default:
          return lost(new Error(`unexpected MQTT packet 0x${first.toString(16)}`));
      }
    }

    function acknowledge(): void {
      if (acks.length === 0) return;
      const batch = Buffer.allocUnsafe(acks.length * 4);
      let at = 0;
      for (const id of acks) {
        batch[at] = 0x40;
        batch[at + 1] = 2;
        batch.writeUInt16BE(id, at + 2);
        at += 4;
      }
      acks = [];
      socket.write(batch);
    }
  });
}
