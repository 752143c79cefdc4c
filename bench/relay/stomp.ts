import { createServer, type Server } from 'node:net';
import { framed } from '../load/frames.ts';
import { Link, type Forward, type Output } from './link.ts';

const headEnd = Buffer.from('\n\n');

/** Takes SEND with content-length and a receipt, and answers RECEIPT when settled. */
export const stompInput = (forward: Forward): Server =>
  createServer((socket) => {
    const link = new Link(socket);
    const take = (bytes: Buffer, start: number): number => {
      const end = bytes.indexOf(headEnd, start);
      if (end < 0) return -1;
      const head = bytes.toString('latin1', start, end);
      const length = Number(/\ncontent-length:(\d+)/.exec(head)?.[1] ?? 0);
      const body = end + 2;
      if (body + length >= bytes.length) return -1;
      if (head.startsWith('CONNECT')) link.write(Buffer.from('CONNECTED\nversion:1.2\n\n\0'));
      const receipt = /\nreceipt:(\d+)/.exec(head)?.[1];
      if (receipt !== undefined)
        forward(bytes.subarray(body, body + length), () =>
          link.write(Buffer.from(`RECEIPT\nreceipt-id:${receipt}\n\n\0`)),
        );
      return body + length + 1;
    };
    socket.on(
      'data',
      framed(take, () => undefined),
    );
  });

/** Gives everything to the last subscriber; an ACK settles all messages up to the one it names. */
export function stompOutput(): { server: Server; output: Output } {
  let subscriber: Link | undefined;
  let next = 0;
  let settled = 0;
  const waiting = new Map<number, () => void>();
  const server = createServer((socket) => {
    const link = new Link(socket);
    const take = (bytes: Buffer, start: number): number => {
      if (bytes[start] === 10) return start + 1;
      const end = bytes.indexOf(0, start);
      if (end < 0) return -1;
      const frame = bytes.toString('latin1', start, end);
      if (frame.startsWith('CONNECT')) link.write(Buffer.from('CONNECTED\nversion:1.2\n\n\0'));
      else if (frame.startsWith('SUBSCRIBE')) {
        subscriber = link;
        link.write(Buffer.from('RECEIPT\nreceipt-id:ready\n\n\0'));
      } else {
        const last = Number(/\nid:(\d+)/.exec(frame)![1]);
        for (; settled <= last; settled++) {
          waiting.get(settled)!();
          waiting.delete(settled);
        }
      }
      return end + 1;
    };
    socket.on(
      'data',
      framed(take, () => undefined),
    );
  });
  const send: Forward = (body, settle) => {
    const id = next++;
    waiting.set(id, settle);
    const head = `MESSAGE\nsubscription:0\nmessage-id:${id}\nack:${id}\ndestination:/topic/bench\ncontent-length:${body.length}\n\n`;
    subscriber!.write(Buffer.concat([Buffer.from(head), body, Buffer.of(0)]));
  };
  return { server, output: { send } };
}
