import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import rhea, { type Connection, type ConnectionOptions } from 'rhea';
import { WebSocket } from 'ws';
import amqp from '../../../src/protocols/amqp/index.ts';
import { until } from '../../helpers.ts';
import { atEnd, certificates, closeAll, serverTls, start, tls } from '../../transport/support.ts';
import { collect, errorOf, happens, openReceiver, openSender, Publisher } from './support.ts';
import { saslHeader } from './raw.ts';

const users = { ada: 'Lovelace' };
const verified = async (): Promise<object> =>
  serverTls({ ca: (await certificates()).ca, client_certificate: 'request' });

/** A listener that is closed after the tests. */
async function open(settings: object): ReturnType<typeof start> {
  const running = await start({ protocol: amqp }, settings);
  atEnd(() => running.endpoint.close());
  return running;
}

/** rhea by TLS; resolves once it is open. */
async function connect(port: number, options: object = {}): Promise<Connection> {
  const { ca } = await certificates();
  return opened({ transport: 'tls', host: '127.0.0.1', port, ca, ...options });
}

async function opened(options: object): Promise<Connection> {
  const connection = rhea.create_container().connect({ reconnect: false, ...options } as ConnectionOptions);
  connection.on('error', () => undefined);
  atEnd(() => connection.close());
  await happens(connection, 'connection_open', ['connection_error', 'disconnected']);
  return connection;
}

const withCertificate = async (): Promise<object> => {
  const { clientCert, clientKey } = await certificates();
  return { cert: clientCert, key: clientKey };
};

let queues = 0;

/** Sends to a queue of its own and receives from it. */
async function passesMessages(connection: Connection, count = 3): Promise<void> {
  const queue = `secure-${++queues}`;
  const texts = collect(await openReceiver(connection, queue));
  const publisher = new Publisher(await openSender(connection, queue));
  const numbers = Array.from({ length: count }, (_, n) => String(n));
  const told = await Promise.all(numbers.map((n) => publisher.send(n)));
  assert.ok(told.every(({ state }) => state === 'accepted'));
  assert.deepEqual(texts, numbers);
}

describe('AMQP by TLS', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  it('takes who brings a password, with or without users', async () => {
    const free = await open({ tls: await serverTls() });
    await passesMessages(await connect(free.port, { username: 'anyone' }));
    await passesMessages(await connect(free.port));
    const closed = await open({ tls: await serverTls(), users });
    await passesMessages(await connect(closed.port, { username: 'ada', password: 'Lovelace' }));
    await assert.rejects(connect(closed.port, { username: 'ada', password: 'wrong' }));
    await assert.rejects(connect(closed.port));
  });

  it('takes who brings a verified certificate by SASL EXTERNAL', async () => {
    const { port, log } = await open({ tls: await verified(), users });
    const connection = await connect(port, { ...(await withCertificate()), enable_sasl_external: true });
    await passesMessages(connection);
    assert.deepEqual(log.lines, []);
  });

  it('takes who brings a verified certificate without SASL', async () => {
    const { port, log } = await open({ tls: await verified(), users });
    await passesMessages(await connect(port, await withCertificate()));
    await assert.rejects(connect(port), 'neither certificate nor password');
    assert.equal(log.lines.length, 1);
  });

  it('lets nobody act as another than the certificate says', async () => {
    const { port } = await open({ tls: await verified(), users });
    const { clientCert, clientKey } = await certificates();
    const init = (as: string): Buffer => {
      const name = Buffer.from('EXTERNAL');
      const body = Buffer.concat([
        Buffer.of(0x00, 0x53, 0x41, 0xc0, 4 + name.length + as.length + 1, 2, 0xa3, name.length),
        name,
        Buffer.of(0xa0, as.length),
        Buffer.from(as),
      ]);
      const frame = Buffer.concat([Buffer.of(0, 0, 0, 0, 2, 1, 0, 0), body]);
      frame.writeUInt32BE(frame.length);
      return frame;
    };
    for (const [as, code] of [
      ['client', 0],
      ['', 0],
      ['ada', 1],
    ] as const) {
      const client = await tls(port, { cert: clientCert, key: clientKey });
      client.stream.write(saslHeader);
      client.stream.write(init(as));
      // sasl-outcome: its code is a ubyte
      const outcome = Buffer.of(0x00, 0x53, 0x44);
      await until(() => client.got.includes(outcome) || client.closed);
      const at = client.got.indexOf(outcome);
      assert.ok(at > 0, client.got.toString('latin1'));
      assert.equal(client.got.indexOf(Buffer.of(0x50, code), at) > at, true, `as ${as}`);
      client.stream.destroy();
    }
  });

  it('offers the strongest mechanism first, EXTERNAL only to who can use it', async () => {
    const { clientCert, clientKey } = await certificates();
    const offered = async (settings: object, options: object): Promise<string[]> => {
      const { port } = await open(settings);
      const client = await tls(port, options);
      client.stream.write(saslHeader);
      await until(() => client.got.length > 8 && client.got.length >= 8 + client.got.readUInt32BE(8));
      client.stream.destroy();
      return client.got.toString('latin1').match(/EXTERNAL|SCRAM-SHA-256|PLAIN|ANONYMOUS/g)!;
    };
    const own = { cert: clientCert, key: clientKey };
    assert.deepEqual(await offered({ tls: await verified(), users }, own), [
      'EXTERNAL',
      'SCRAM-SHA-256',
      'PLAIN',
    ]);
    assert.deepEqual(await offered({ tls: await verified(), users }, {}), ['SCRAM-SHA-256', 'PLAIN']);
    assert.deepEqual(await offered({ tls: await verified() }, own), ['EXTERNAL', 'PLAIN', 'ANONYMOUS']);
    assert.deepEqual(await offered({ tls: await serverTls() }, {}), ['PLAIN', 'ANONYMOUS']);
  });
});

describe('AMQP by WebSocket', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  /** rhea by the `ws` package. */
  const byWebSocket = (url: string, options: object = {}, more: object = {}): Promise<Connection> => {
    const connect = rhea.websocket_connect(WebSocket) as unknown as (
      url: string,
      protocols: string[],
      options: object,
    ) => unknown;
    return opened({ connection_details: connect(url, ['amqp'], options), username: 'ada', ...more });
  };

  it('passes messages, also large ones', async () => {
    const { url } = await open({ websocket: { listen: '127.0.0.1:0' } });
    const connection = await byWebSocket(url);
    await passesMessages(connection, 500);
    const texts = collect(await openReceiver(connection, 'large'));
    const publisher = new Publisher(await openSender(connection, 'large'));
    const body = 'x'.repeat(3 * 1024 * 1024);
    assert.equal((await publisher.send(body)).state, 'accepted');
    assert.equal(texts[0], body);
  });

  it('by TLS as the listener itself, with a password', async () => {
    const { url } = await open({
      tls: await serverTls(),
      websocket: { listen: '127.0.0.1:0', path: '/mq' },
      users,
    });
    assert.match(url, /^wss:.*\/mq$/);
    const { ca } = await certificates();
    await passesMessages(await byWebSocket(url, { ca }, { password: 'Lovelace' }));
    await assert.rejects(byWebSocket(url, { ca }, { password: 'wrong' }));
  });

  it('tells a peer that is closed why', async () => {
    const { endpoint, url } = await open({ websocket: { listen: '127.0.0.1:0' } });
    const connection = await byWebSocket(url);
    const closed = happens(connection, 'connection_close');
    await endpoint.close();
    await closed;
    assert.equal(errorOf(connection)?.condition, 'amqp:connection:forced');
  });
});
