import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import rhea, { type EventContext } from 'rhea';
import { WebSocketServer } from 'ws';
import { makeCertificates, startArtemis, unavailable, type Certificates } from '../../brokers/index.ts';
import { message, until } from '../../helpers.ts';
import { openClient } from './client-support.ts';

describe('the AMQP 1.0 client over TLS', { skip: await unavailable('artemis') }, () => {
  let certificates: Certificates;
  let broker: Awaited<ReturnType<typeof startArtemis>>;
  before(async () => {
    certificates = await makeCertificates();
    broker = await startArtemis({
      users: [
        { username: 'client', password: 'unused' },
        { username: 'zoe', password: 'passwort' },
      ],
      tls: { certificates },
    });
  });
  after(async () => {
    await broker.stop();
    await certificates.remove();
  });
  const at = (over: object): object => ({ url: `amqps://localhost:${broker.tlsPort}`, ...over });

  it('logs in by its certificate', async () => {
    const { ca, clientCert: cert, clientKey: key } = certificates;
    const client = await openClient(at({ tls: { ca, cert, key }, sasl: 'external' }), ['sealed']);
    await client.endpoint.sink.send(message('a', 'by certificate'), 'sealed');
    await until(() => client.texts().includes('by certificate'), 'it has come');
  });

  it('logs in by a name and password', async () => {
    const { ca } = certificates;
    const client = await openClient(at({ tls: { ca }, username: 'zoe', password: 'passwort' }));
    await client.endpoint.sink.send(message('a', 'by password'), 'sealed.too');
  });

  it('does not talk to a broker that nobody vouches for', async () => {
    const client = await openClient(at({}), [], 'failing');
    assert.match(client.endpoint.status().reason!, /certificate/i);
  });
});

describe('the AMQP 1.0 client over WebSocket', () => {
  it('carries messages, as the sub-protocol amqp', async () => {
    const http: Server = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const container = rhea.create_container();
    for (const event of ['error', 'disconnected']) container.on(event, () => undefined);
    const got: string[] = [];
    container.on('receiver_open', ({ receiver }: EventContext) =>
      receiver!.set_target({ address: receiver!.target.address }),
    );
    container.on(
      'message',
      ({ message: each }: EventContext) => void got.push(String((each!.body as { content: Buffer }).content)),
    );
    let offered: string | undefined;
    const server = new WebSocketServer({
      server: http,
      path: '/broker',
      handleProtocols: ([first]) => (offered = first) ?? false,
    });
    server.on('connection', (socket) => container.websocket_accept(socket as unknown as Socket, {}));
    try {
      const { port } = http.address() as AddressInfo;
      const client = await openClient({ url: `ws://127.0.0.1:${port}/broker` });
      await client.endpoint.sink.send(message('a', 'framed'), 'orders');
      assert.deepEqual(got, ['framed']);
      assert.equal(offered, 'amqp');
      await client.endpoint.close();
    } finally {
      for (const socket of server.clients) socket.terminate();
      server.close();
      http.close();
    }
  });
});

describe('the AMQP 1.0 client and SASL', () => {
  it('says a name and password that are not ASCII as UTF-8', async () => {
    const container = rhea.create_container();
    for (const event of ['error', 'disconnected']) container.on(event, () => undefined);
    const said: string[][] = [];
    const mechanisms = container.sasl_server_mechanisms as {
      enable_plain(check: (...credentials: string[]) => boolean): void;
    };
    mechanisms.enable_plain((...credentials) => {
      said.push(credentials.slice(0, 2));
      return true;
    });
    const server = container.listen({ port: 0, host: '127.0.0.1' });
    await new Promise<void>((resolve) => server.once('listening', resolve));
    try {
      const url = `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const client = await openClient({ url, username: 'zoë', password: 'grün,=pass' });
      assert.deepEqual(said, [['zoë', 'grün,=pass']]);
      await client.endpoint.close();
    } finally {
      server.close();
    }
  });
});
