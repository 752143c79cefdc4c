import { connect } from 'node:net';
import { now } from './clock.ts';
import { framed } from './frames.ts';
import type { ReceiverSpec } from './messages.ts';
import type { Tally } from './tally.ts';

const lf = 10;
const headEnd = Buffer.from('\n\n');
const lengthField = Buffer.from('\ncontent-length:');
const ackField = Buffer.from('\nack:');

/** A STOMP 1.2 subscriber with `ack:client`: one cumulative ACK for all messages of one read. */
export async function receiveStomp(
  spec: ReceiverSpec,
  lane: number,
  tally: Tally,
  lost: (error: Error) => void,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: spec.port, noDelay: true });
    let ack = '';
    let arrived = 0;
    const read = framed(take, acknowledge);
    socket.on('error', lost);
    socket.on('close', () => lost(new Error('the peer closed the STOMP subscriber')));
    socket.on('data', (chunk: Buffer) => {
      arrived = now();
      read(chunk);
    });
    socket.write('CONNECT\naccept-version:1.2\nhost:/\nlogin:guest\npasscode:guest\n\n\0');

    function take(bytes: Buffer, start: number): number {
      if (bytes[start] === lf) return start + 1;
      const end = bytes.indexOf(headEnd, start);
      if (end < 0) return -1;
      const lengthAt = bytes.indexOf(lengthField, start);
      const body = end + headEnd.length;
      let length = 0;
      if (lengthAt >= 0 && lengthAt < end)
        for (let at = lengthAt + lengthField.length; bytes[at]! >= 48; at++)
          length = length * 10 + bytes[at]! - 48;
      if (body + length >= bytes.length) return -1;
      if (bytes[start] === 77 /* M */) {
        const ackAt = bytes.indexOf(ackField, start) + ackField.length;
        ack = bytes.toString('latin1', ackAt, bytes.indexOf(lf, ackAt));
        tally.record(bytes, body, body + length, arrived);
      } else if (bytes.toString('latin1', start, start + 9) === 'CONNECTED') {
        const destination = spec.address.replaceAll('{n}', String(lane));
        socket.write(
          `SUBSCRIBE\nid:${lane}\ndestination:${destination}\nack:client\nprefetch-count:${spec.credit}\nreceipt:ready\n\n\0`,
        );
      } else if (bytes.toString('latin1', start, start + 7) === 'RECEIPT') {
        resolve();
      } else {
        lost(new Error(`unexpected STOMP frame:\n${bytes.toString('utf8', start, body + length)}`));
      }
      return body + length + 1;
    }

    function acknowledge(): void {
      if (ack === '') return;
      socket.write(`ACK\nid:${ack}\n\n\0`);
      ack = '';
    }
  });
}
