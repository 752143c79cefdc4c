import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { Client, type IFrame, type IMessage, type StompConfig } from '@stomp/stompjs';
import stompit, { type Client as StompitClient } from 'stompit';
import { WebSocket } from 'ws';
import stomp from '../../../src/protocols/stomp/index.ts';
import { atEnd, certificates, closeAll, serverTls, start } from '../../transport/support.ts';
import { until } from '../../helpers.ts';

async function open(settings: object): ReturnType<typeof start> {
  const running = await start({ protocol: stomp }, settings);
  atEnd(() => running.endpoint.close());
  return running;
}

/** @stomp/stompjs as in a browser, but with the `ws` package; `kinds` tells which messages were binary. */
async function connect(
  url: string,
  config: StompConfig = {},
): Promise<{ client: Client; connected: IFrame; kinds: boolean[] }> {
  const { ca } = await certificates();
  const kinds: boolean[] = [];
  const client = new Client({
    reconnectDelay: 0,
    ...config,
    webSocketFactory: () => {
      const socket = new WebSocket(url, ['v12.stomp', 'v11.stomp'], { ca });
      socket.on('message', (_data, binary) => kinds.push(binary));
      return socket as never;
    },
  });
  atEnd(() => client.deactivate({ force: true }));
  const connected = await new Promise<IFrame>((resolve, reject) => {
    client.onConnect = resolve;
    client.onStompError = (frame) => reject(new Error(frame.headers.message));
    client.onWebSocketError = (event) => reject(new Error(String((event as { message?: string }).message)));
    client.activate();
  });
  return { client, connected, kinds };
}

/** Resolves once the broker has dealt with all that was sent before. */
const receipt = (client: Client, id: string, act: () => void): Promise<unknown> =>
  new Promise((resolve) => {
    client.watchForReceipt(id, resolve);
    act();
  });

const large = 'ä€😀'.repeat(200_000);

describe('STOMP by WebSocket', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  for (const secure of [false, true])
    it(`passes text and binary bodies to @stomp/stompjs, by ${secure ? 'wss' : 'ws'}`, async () => {
      const { url } = await open({
        ...(secure && { tls: await serverTls() }),
        websocket: { listen: '127.0.0.1:0' },
      });
      const { client, kinds } = await connect(url);
      const got: IMessage[] = [];
      await receipt(client, 'subscribed', () =>
        client.subscribe('/topic/a', (message) => got.push(message), { receipt: 'subscribed' }),
      );
      await receipt(client, 'sent', () => {
        client.publish({ destination: '/topic/a', body: 'grüße' });
        client.publish({ destination: '/topic/a', body: large });
        client.publish({
          destination: '/topic/a',
          binaryBody: Uint8Array.of(0, 255, 128),
          headers: { receipt: 'sent' },
        });
      });
      await until(() => got.length === 3);
      assert.equal(got[0]!.body, 'grüße');
      assert.equal(got[1]!.body, large);
      assert.deepEqual([...got[2]!.binaryBody], [0, 255, 128]);
      // all is text but what holds the binary body
      assert.equal(kinds[0], false);
      assert.equal(kinds.includes(true), true);
    });

  it('answers a client that sends binary frames in binary frames', async () => {
    const { url } = await open({ websocket: { listen: '127.0.0.1:0' } });
    const { client, kinds } = await connect(url, { forceBinaryWSFrames: true });
    await receipt(client, '1', () =>
      client.publish({ destination: '/topic/x', body: 'x', headers: { receipt: '1' } }),
    );
    assert.ok(kinds.length > 0);
    assert.ok(kinds.every((binary) => binary));
  });

  it('takes frames that come in several messages', async () => {
    const { url } = await open({ websocket: { listen: '127.0.0.1:0' } });
    const { client } = await connect(url, { splitLargeFrames: true, maxWebSocketChunkSize: 1024 });
    const got: IMessage[] = [];
    const body = 'x'.repeat(100_000);
    await receipt(client, 's', () =>
      client.subscribe('/topic/b', (message) => got.push(message), { receipt: 's' }),
    );
    client.publish({ destination: '/topic/b', body });
    await until(() => got.length === 1);
    assert.equal(got[0]!.body, body);
  });

  it('takes a client that offers no sub-protocol', async () => {
    const { url } = await open({ websocket: { listen: '127.0.0.1:0' } });
    const socket = new WebSocket(url);
    atEnd(() => socket.terminate());
    let got = '';
    socket.on('message', (data) => (got += (data as Buffer).toString()));
    socket.on('open', () => socket.send('CONNECT\naccept-version:1.0,1.1\nhost:x\n\n\0'));
    await until(() => got.includes('\0'));
    assert.match(got, /^CONNECTED\n(.*\n)*version:1\.1\n/);
  });
});

describe('STOMP by TLS', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  it('passes messages to stompit, with a certificate of its own', async () => {
    const { ca, clientCert, clientKey } = await certificates();
    const { port } = await open({ tls: await serverTls({ ca, client_certificate: 'require' }) });
    const client = await new Promise<StompitClient>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port,
        connectHeaders: { host: '/' },
        connect: (_: unknown, connected: () => void) =>
          connectTls({ port, host: '127.0.0.1', ca, cert: clientCert, key: clientKey }, connected),
      };
      stompit.connect(options, (error, connected) => (error ? reject(error) : resolve(connected)));
    });
    atEnd(() => client.destroy());
    client.on('error', () => {});
    let got = '';
    client.subscribe({ destination: '/topic/s', ack: 'auto' }, (_error, message) => {
      message.on('data', (chunk: Buffer) => (got += chunk.toString()));
      message.resume();
    });
    const frame = client.send({ destination: '/topic/s' });
    frame.write('a'.repeat(100_000));
    frame.end();
    await until(() => got.length === 100_000);
  });
});
