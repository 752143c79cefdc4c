import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { Incoming } from '../../src/transport/arrival.ts';
import { listen } from '../../src/transport/listen.ts';
import type { Frames } from '../../src/transport/websocket-stream.ts';
import { until } from '../helpers.ts';
import { atEnd, closeAll } from './support.ts';

interface Pair {
  readonly server: Duplex;
  readonly client: WebSocket;
  /** Messages that the client got. */
  readonly got: { readonly data: Buffer; readonly binary: boolean }[];
}

/** Both ends of a WebSocket. */
async function pair(frames: Frames): Promise<Pair> {
  const accepted: Incoming[] = [];
  const doors = await listen({
    settings: {
      listen: { host: '127.0.0.1', port: 0 },
      websocket: { listen: { host: '127.0.0.1', port: 0 }, path: '/' },
    },
    webSocket: { subprotocols: ['test'], mustOffer: true, frames },
    maxMessage: 16 * 1024 * 1024,
    maxConnections: 10,
    handshakeTimeout: 10_000,
    allowHalfOpen: true,
    accept: (incoming) => void accepted.push(incoming),
    refused: (why) => assert.fail(why),
  });
  const client = new WebSocket(/ws:\S+/.exec(doors.at)![0], ['test']);
  const got: Pair['got'] = [];
  client.on('message', (data, binary) => got.push({ data: data as Buffer, binary }));
  await until(() => accepted.length === 1 && client.readyState === WebSocket.OPEN);
  const server = accepted[0]!.stream;
  server.on('error', () => {});
  atEnd(async () => {
    client.terminate();
    server.destroy();
    await doors.close();
  });
  return { server, client, got };
}

describe('the stream of a WebSocket', { timeout: 120_000 }, () => {
  afterEach(closeAll);

  it('does not take in what nobody reads, and loses none of it', async () => {
    const { server, client } = await pair('binary');
    let heard = 0;
    server.on('data', (chunk: Buffer) => (heard += chunk.length));
    server.pause();
    const socket = (client as unknown as { _socket: Socket })._socket;
    const [count, size] = [64, 1024 * 1024];
    for (let i = 0; i < count; i++) client.send(Buffer.alloc(size));
    // far more waits at the sender than fits in the kernel's buffers: what has left it stands still
    let before = -1;
    await until(() => {
      const still = socket.bytesWritten - socket.writableLength === before;
      before = socket.bytesWritten - socket.writableLength;
      return still && before > 0;
    });
    assert.ok(client.bufferedAmount > 32 * size, `${client.bufferedAmount} bytes wait at the sender`);
    assert.ok(server.readableLength <= 2 * size, `${server.readableLength} bytes are held`);
    server.resume();
    await until(() => heard === count * size);
  });

  it('tells when nobody takes what is written, and goes on when it is taken', async () => {
    const { server, client, got } = await pair('binary');
    client.pause();
    let written = 0;
    while (server.writableLength < 8 * 1024 * 1024) {
      assert.ok(written < 1000, 'writing is never held up');
      if (!server.write(Buffer.alloc(1024 * 1024, written++ % 251)))
        await new Promise((resolve) => setImmediate(resolve));
    }
    let drained = false;
    server.once('drain', () => (drained = true));
    client.resume();
    await until(() => drained);
    await until(() => got.reduce((sum, { data }) => sum + data.length, 0) === written * 1024 * 1024);
  });

  it('puts what is written together into one message', async () => {
    const { server, got } = await pair('binary');
    server.cork();
    for (const text of ['a', 'b', 'c']) server.write(Buffer.from(text));
    server.uncork();
    await until(() => got.length === 1);
    assert.deepEqual(got, [{ data: Buffer.from('abc'), binary: true }]);
  });

  it('answers text with text, and with a binary message what is no text', async () => {
    const { server, client, got } = await pair('any');
    const heard: string[] = [];
    server.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
    client.send('héllo');
    await until(() => heard.join('') === 'héllo');
    client.send(Buffer.from('binary'));
    await until(() => heard.join('') === 'héllobinary');
    for (const bytes of [Buffer.from('grüß'), Buffer.of(0xff, 0)]) {
      server.write(bytes);
      const before = got.length;
      await until(() => got.length > before);
    }
    assert.deepEqual(
      got.map(({ binary }) => binary),
      [false, true],
    );
  });

  it('answers binary with binary', async () => {
    const { server, client, got } = await pair('any');
    server.resume();
    const heard = new Promise((resolve) => server.once('data', resolve));
    client.send(Buffer.from('hello'));
    await heard;
    server.write(Buffer.from('text'));
    await until(() => got.length === 1);
    assert.equal(got[0]!.binary, true);
  });

  it('ends for the reader after what came before the close, also while nobody reads', async () => {
    const { server, client } = await pair('binary');
    const heard: Buffer[] = [];
    let ended = false;
    server.on('data', (chunk: Buffer) => heard.push(chunk));
    server.on('end', () => (ended = true));
    server.pause();
    client.send(Buffer.from('last'));
    client.close();
    await until(() => server.writableEnded);
    assert.equal(ended, false);
    server.resume();
    await until(() => ended);
    assert.equal(Buffer.concat(heard).toString(), 'last');
    await until(() => server.destroyed);
  });

  it('closes in order once everything written has gone', async () => {
    const { server, client, got } = await pair('binary');
    const code = new Promise((resolve) => client.once('close', resolve));
    server.resume();
    server.end(Buffer.alloc(4 * 1024 * 1024));
    assert.equal(await code, 1000);
    assert.equal(got[0]!.data.length, 4 * 1024 * 1024);
    await until(() => server.destroyed);
  });
});
