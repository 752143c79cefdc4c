import { framed } from './frames.ts';
import type { MakeWire } from './lane.ts';
import { writeStamp } from './stamp.ts';

const lf = 10;
const digits = 5;
const receiptId = Buffer.from('receipt-id:');

/** SEND with a receipt; receipt = the slot in five digits. */
export const stompSender: MakeWire = (spec, lane, events) => {
  const destination = spec.address.replaceAll('{n}', String(lane));
  const head = `SEND\ndestination:${destination}\ncontent-length:${spec.messageSize}\nreceipt:`;
  const receiptAt = Buffer.byteLength(head);
  const bodyAt = receiptAt + digits + 2;
  const template = Buffer.concat([
    Buffer.from(`${head}${'0'.repeat(digits)}\n\n`),
    Buffer.alloc(spec.messageSize, 'x'),
    Buffer.from([0]),
  ]);
  return {
    hello: Buffer.from('CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0'),
    frameBytes: template.length,
    write(into, at, slot, sequence, intended) {
      template.copy(into, at);
      let rest = slot;
      for (let digit = digits - 1; digit >= 0; digit--) {
        into[at + receiptAt + digit] = 48 + (rest % 10);
        rest = Math.floor(rest / 10);
      }
      writeStamp(into, at + bodyAt, spec.run, lane, sequence, intended);
    },
    read: framed(take, () => undefined),
  };

  /** Frames from the server have no body here, so NUL ends them; line feeds may stand between (STOMP 1.2, EOL). */
  function take(bytes: Buffer, start: number): number {
    if (bytes[start] === lf) return start + 1;
    const end = bytes.indexOf(0, start);
    if (end < 0) return -1;
    if (bytes[start] === 82 /* R */) {
      const at = bytes.indexOf(receiptId, start) + receiptId.length;
      let slot = 0;
      for (let i = at; bytes[i]! >= 48 && bytes[i]! <= 57; i++) slot = slot * 10 + bytes[i]! - 48;
      events.settled(slot, true);
    } else if (bytes.toString('latin1', start, start + 9) === 'CONNECTED') {
      events.open();
    } else {
      throw new Error(`unexpected STOMP frame:\n${bytes.toString('utf8', start, end)}`);
    }
    return end + 1;
  }
};
