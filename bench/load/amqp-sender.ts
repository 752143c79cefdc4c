import * as amqp from './amqp-frames.ts';
import { framed } from './frames.ts';
import type { MakeWire } from './lane.ts';
import { writeStamp } from './stamp.ts';

const { code, described, frame, no, nothing, string, ubyte, uint, ushort } = amqp;
const sessionWindow = 65_535;

/**
 * Unsettled transfers on one link; delivery-id = the message's number. Everything that opens the link is sent at
 * once, without SASL. The lane's window is far below what any peer grants; a peer that grants less spoils the
 * measurement and ends it.
 */
export const amqpSender: MakeWire = (spec, lane, events) => {
  const name = `bench-${process.pid}-${lane}`;
  const address = spec.address.replaceAll('{n}', String(lane));
  const hello = Buffer.concat([
    amqp.header.amqp,
    frame(described(code.open, string(name), string('localhost'), uint(65_536), ushort(0))),
    frame(described(code.begin, nothing, uint(0), uint(sessionWindow), uint(sessionWindow), uint(0))),
    frame(
      // name, handle, role sender, snd-settle-mode unsettled, rcv-settle-mode first, source, target, unsettled,
      // incomplete-unsettled, initial-delivery-count
      described(
        code.attach,
        string(name),
        uint(0),
        no,
        ubyte(0),
        ubyte(0),
        described(code.source, string(name)),
        described(code.target, string(address)),
        nothing,
        no,
        uint(0),
      ),
    ),
  ]);
  // handle 0, delivery-id, a tag of 4 bytes, message-format 0, settled false; then a data section
  const fields = Buffer.from([0x43, 0x70, 0, 0, 0, 0, 0xa0, 4, 0, 0, 0, 0, 0x43, 0x42]);
  const head = Buffer.from([0x00, 0x53, code.transfer, 0xc0, fields.length + 1, 5]);
  const section = Buffer.from([0x00, 0x53, code.data, 0xb0, 0, 0, 0, 0]);
  section.writeUInt32BE(spec.messageSize, 4);
  const template = frame(Buffer.concat([head, fields, section, Buffer.alloc(spec.messageSize, 'x')]));
  const idAt = 8 + head.length + 2;
  const tagAt = idAt + 6;
  const bodyAt = template.length - spec.messageSize;
  /** Of each unsettled message, by the last 16 bits of its number. */
  const slots = new Uint16Array(65_536);
  const performative: amqp.Performative = { code: 0, fields: 0, count: 0, end: 0 };
  let limit = 0;
  return {
    hello,
    frameBytes: template.length,
    write(into, at, slot, sequence, intended) {
      if (sequence >= limit) throw new Error(`the peer's credit ends at ${limit} messages`);
      template.copy(into, at);
      into.writeUInt32BE(sequence, at + idAt);
      into.writeUInt32BE(sequence, at + tagAt);
      slots[sequence & 0xffff] = slot;
      writeStamp(into, at + bodyAt, spec.run, lane, sequence, intended);
    },
    read: framed(take, () => undefined),
  };

  function take(bytes: Buffer, start: number): number {
    if (bytes.length - start < 8) return -1;
    const size = bytes.readUInt32BE(start);
    if (size === 0x414d5150) return start + 8;
    if (bytes.length - start < size) return -1;
    if (size > 8) perform(bytes, start + bytes[start + 4]! * 4, start + size);
    return start + size;
  }

  function perform(bytes: Buffer, at: number, end: number): void {
    amqp.readPerformative(bytes, at, performative);
    switch (performative.code) {
      case code.disposition:
        return settle(bytes);
      case code.flow:
        return credit(bytes);
      case code.open:
      case code.begin:
      case code.attach:
        return;
      default:
        throw new Error(
          `unexpected AMQP performative 0x${performative.code.toString(16)}: ${bytes.toString('latin1', at, end)}`,
        );
    }
  }

  function settle(bytes: Buffer): void {
    // role, first, last, settled, state
    const firstAt = amqp.skip(bytes, performative.fields);
    const first = amqp.readUint(bytes, firstAt)!;
    let at = amqp.skip(bytes, firstAt);
    const last = amqp.readUint(bytes, at) ?? first;
    at = amqp.skip(bytes, at);
    if (!amqp.isTrue(bytes, at)) return;
    const state = amqp.skip(bytes, at);
    const accepted = amqp.readUint(bytes, state + 1) === 0x24;
    for (let id = first; id <= last; id++) events.settled(slots[id & 0xffff]!, accepted);
  }

  function credit(bytes: Buffer): void {
    if (performative.count < 7) return;
    // next-incoming-id, incoming-window, next-outgoing-id, outgoing-window, handle, delivery-count, link-credit
    let at = performative.fields;
    for (let field = 0; field < 5; field++) at = amqp.skip(bytes, at);
    const count = amqp.readUint(bytes, at) ?? 0;
    const granted = amqp.readUint(bytes, amqp.skip(bytes, at)) ?? 0;
    const opens = limit < spec.window && count + granted >= spec.window;
    limit = count + granted;
    if (opens) events.open();
  }
};
