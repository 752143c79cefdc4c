import { createServer, type Server } from 'node:net';
import { framed } from '../load/frames.ts';
import { Link, type Forward } from './link.ts';

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
