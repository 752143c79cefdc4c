import type { Server } from 'node:net';
import { createServer } from 'node:net';
import { framed } from '../load/frames.ts';
import { kind, packet, publishPacket, takePacket } from '../load/mqtt-packets.ts';
import { Link, type Forward, type Output } from './link.ts';

const connack = packet(0x20, Buffer.from([0, 0]));

/** Takes PUBLISH and answers PUBACK when settled. */
export const mqttInput = (forward: Forward): Server =>
  createServer((socket) => {
    const link = new Link(socket);
    const take = (first: number, bytes: Buffer, content: number, end: number): void => {
      if (first >> 4 === kind.connect) return link.write(connack);
      if (first >> 4 !== kind.publish) return;
      let at = content + 2 + bytes.readUInt16BE(content);
      if ((first & 0x06) === 0) return forward(bytes.subarray(at, end), () => undefined);
      const id = bytes.readUInt16BE(at);
      at += 2;
      forward(bytes.subarray(at, end), () => link.write(packet(0x40, Buffer.from([id >> 8, id & 255]))));
    };
    socket.on(
      'data',
      framed(
        (bytes, start) => takePacket(bytes, start, take),
        () => undefined,
      ),
    );
  });

/** Gives everything to the last subscriber, whatever its filter; QoS 1 is settled by its PUBACK. */
export function mqttOutput(): { server: Server; output: Output } {
  let subscriber: Link | undefined;
  let qos = 0;
  let next = 0;
  let template: ReturnType<typeof publishPacket> | undefined;
  const waiting = new Map<number, () => void>();
  const server = createServer((socket) => {
    const link = new Link(socket);
    const take = (first: number, bytes: Buffer, content: number, end: number): void => {
      switch (first >> 4) {
        case kind.connect:
          return link.write(connack);
        case kind.puback: {
          const id = bytes.readUInt16BE(content);
          waiting.get(id)!();
          waiting.delete(id);
          return;
        }
        case 8: // SUBSCRIBE
          qos = bytes[end - 1]!;
          subscriber = link;
          return link.write(packet(0x90, bytes.subarray(content, content + 2), Buffer.from([qos])));
      }
    };
    socket.on(
      'data',
      framed(
        (bytes, start) => takePacket(bytes, start, take),
        () => undefined,
      ),
    );
  });
  const send: Forward = (body, settle) => {
    template ??= publishPacket('bench/0/0', qos, body);
    const bytes = Buffer.allocUnsafe(template.bytes.length);
    template.bytes.copy(bytes);
    body.copy(bytes, template.bodyAt);
    if (qos > 0) {
      const id = (next++ % 65_535) + 1;
      bytes.writeUInt16BE(id, template.idAt);
      waiting.set(id, settle);
    } else {
      settle();
    }
    subscriber!.write(bytes);
  };
  return { server, output: { send } };
}
