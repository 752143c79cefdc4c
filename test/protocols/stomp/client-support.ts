import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { Parser } from '@stomp/stompjs';
import type { Envelope } from '../../../src/core/envelope.ts';
import { accepted, type Outcome } from '../../../src/core/outcome.ts';
import type { Intake } from '../../../src/core/protocol.ts';
import { parsePattern } from '../../../src/core/address.ts';
import { PatternIndex } from '../../../src/core/pattern-index.ts';
import { stompAddress } from '../../../src/protocols/stomp/address.ts';
import { StompBrokerClient } from '../../../src/protocols/stomp/client.ts';
import { stompClientConfig } from '../../../src/protocols/stomp/client/config.ts';
import { keptLog, textOf } from '../../helpers.ts';

export function clientOf(settings: object, name = 'under-test') {
  const log = keptLog();
  const client = new StompBrokerClient(stompClientConfig.parse(settings), { name, log });
  return { client, log };
}

/** Routes that read these addresses; each message is answered at once, unless told to wait. */
export class Routes implements Intake {
  readonly taken: Envelope[] = [];
  readonly patterns;
  readonly #index = new PatternIndex<string>(stompAddress);
  answer: (envelope: Envelope) => Outcome | Promise<Outcome> = () => accepted;

  constructor(...addresses: string[]) {
    this.patterns = addresses.map((address) => parsePattern(address, stompAddress));
    for (const pattern of this.patterns) this.#index.add(pattern, pattern.text);
  }

  readerOf(address: string): string | undefined {
    return this.#index.match(address)[0]?.value;
  }

  deliver(envelope: Envelope): Promise<Outcome> {
    this.taken.push(envelope);
    return Promise.resolve(this.answer(envelope));
  }

  bodies(): string[] {
    return this.taken.map(({ body }) => textOf(body));
  }
}

export interface Got {
  readonly command: string;
  readonly headers: readonly (readonly [string, string])[];
  get(name: string): string | undefined;
  readonly body: Buffer;
}

/** One connection of a client to a broker that the test plays; it reads with the parser of @stomp/stompjs. */
export class Played {
  readonly socket: Socket;
  readonly frames: Got[] = [];
  beats = 0;
  closed = false;

  constructor(socket: Socket, onFrame: (frame: Got, on: Played) => void) {
    this.socket = socket;
    const parser = new Parser(
      (raw) => {
        const headers = raw.headers as unknown as [string, string][];
        const frame: Got = {
          command: String(raw.command),
          headers,
          get: (name) => headers.find(([known]) => known === name)?.[1],
          body: Buffer.from(raw.binaryBody ?? []),
        };
        this.frames.push(frame);
        onFrame(frame, this);
      },
      () => this.beats++,
    );
    socket.on('data', (chunk) => parser.parseChunk(new Uint8Array(chunk).buffer));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
  }

  write(text: string | Buffer): void {
    this.socket.write(text);
  }
}

/** A broker that the test plays: it answers each frame as `onFrame` says. */
export async function play(onFrame: (frame: Got, on: Played) => void, onConnect?: (on: Played) => void) {
  const connections: Played[] = [];
  const server = createServer((socket) => {
    const played = new Played(socket, onFrame);
    connections.push(played);
    onConnect?.(played);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    connections,
    url: `stomp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close(): Promise<void> {
      for (const { socket } of connections) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers CONNECT, and each frame that wants a receipt, as a broker without fault does. */
export function polite(frame: Got, on: Played, more = ''): void {
  if (frame.command === 'CONNECT') on.write(`CONNECTED\nversion:1.2\n${more}\n\0`);
  const receipt = frame.get('receipt');
  if (receipt !== undefined) on.write(`RECEIPT\nreceipt-id:${receipt}\n\n\0`);
}
