import { createServer, type Server } from 'node:net';
import * as amqp from '../load/amqp-frames.ts';
import { framed } from '../load/frames.ts';
import { Link, type Forward, type Output } from './link.ts';

const { code, described, frame, nothing, no, string, symbol, ubyte, uint, yes, acceptedState } = amqp;
/** Bytes of a data section before its content, in the long form that our senders use. */
const sectionHead = 8;

/**
 * An AMQP 1.0 node. It takes transfers of one data section and answers each with a disposition when settled; and it
 * sends to the last receiver that attached, one transfer a message, settled by its disposition.
 */
export function amqpRelay(forward: Forward): { server: Server; output: Output } {
  let receiver: Link | undefined;
  let next = 0;
  let handle = 0;
  const waiting = new Map<number, () => void>();
  const performative: amqp.Performative = { code: 0, fields: 0, count: 0, end: 0 };
  const server = createServer((socket) => {
    const link = new Link(socket);
    const take = (bytes: Buffer, start: number): number => {
      if (bytes.length - start < 8) return -1;
      const size = bytes.readUInt32BE(start);
      if (size === 0x414d5150) {
        const sasl = bytes[start + 4] === 3;
        link.write(sasl ? amqp.header.sasl : amqp.header.amqp);
        if (sasl) link.write(frame(described(code.mechanisms, symbol('ANONYMOUS')), 1));
        return start + 8;
      }
      if (bytes.length - start < size) return -1;
      if (size > 8) perform(bytes, start + bytes[start + 4]! * 4);
      return start + size;
    };
    const perform = (bytes: Buffer, at: number): void => {
      const { fields } = amqp.readPerformative(bytes, at, performative);
      switch (performative.code) {
        case code.init:
          return link.write(frame(described(code.outcome, ubyte(0)), 1));
        case code.open:
          return link.write(frame(described(code.open, string('relay'))));
        case code.begin:
          return link.write(
            frame(described(code.begin, amqp.ushort(0), uint(0), uint(65_535), uint(65_535))),
          );
        case code.attach: {
          const name = bytes.subarray(fields, amqp.skip(bytes, fields));
          const handleAt = fields + name.length;
          const its = amqp.readUint(bytes, handleAt)!;
          if (!amqp.isTrue(bytes, amqp.skip(bytes, handleAt))) return attachSender(link, name, its);
          handle = its;
          // name, handle, role sender, snd-settle-mode, rcv-settle-mode, source, target, unsettled, incomplete, initial-delivery-count
          const rest = [
            ubyte(2),
            ubyte(0),
            described(code.source),
            described(code.target),
            nothing,
            no,
            uint(0),
          ];
          link.write(frame(described(code.attach, name, uint(handle), no, ...rest)));
          receiver = link;
          next = 0;
          return;
        }
        case code.transfer: {
          const id = amqp.readUint(bytes, amqp.skip(bytes, fields))!;
          const body = performative.end + sectionHead;
          return forward(bytes.subarray(body, amqp.skip(bytes, performative.end)), () =>
            link.write(frame(described(code.disposition, yes, uint(id), uint(id), yes, acceptedState))),
          );
        }
        case code.disposition: {
          const firstAt = amqp.skip(bytes, fields);
          const first = amqp.readUint(bytes, firstAt)!;
          const last = amqp.readUint(bytes, amqp.skip(bytes, firstAt)) ?? first;
          for (let id = first; id <= last; id++) {
            waiting.get(id)?.();
            waiting.delete(id);
          }
        }
      }
    };
    socket.on(
      'data',
      framed(take, () => undefined),
    );
  });
  const send: Forward = (body, settle) => {
    const id = next++;
    waiting.set(id, settle);
    // The 4-byte tag is the delivery id; a data section of vbin32 follows.
    const head = Buffer.from([0, 0, 0, 0, 2, 0, 0, 0, 0x00, 0x53, 0x14, 0xc0, 0, 5]);
    const fields = Buffer.from([0x52, handle, 0x70, 0, 0, 0, 0, 0xa0, 4, 0, 0, 0, 0, 0x43, 0x42]);
    fields.writeUInt32BE(id, 3);
    fields.writeUInt32BE(id, 9);
    head[12] = fields.length + 1;
    const section = Buffer.from([0x00, 0x53, 0x75, 0xb0, 0, 0, 0, 0]);
    section.writeUInt32BE(body.length, 4);
    head.writeUInt32BE(head.length + fields.length + section.length + body.length, 0);
    receiver!.write(Buffer.concat([head, fields, section, body]));
  };
  return { server, output: { send } };
}

/** A sender's link, with credit for all it will ever send. */
function attachSender(link: Link, name: Buffer, handle: number): void {
  const termini = [described(code.source), described(code.target)];
  link.write(frame(described(code.attach, name, uint(handle), yes, ubyte(0), ubyte(0), ...termini)));
  const session = [uint(0), uint(0xffff_ffff), uint(0), uint(0xffff_ffff)];
  link.write(frame(described(code.flow, ...session, uint(handle), uint(0), uint(0x7fff_ffff))));
}
