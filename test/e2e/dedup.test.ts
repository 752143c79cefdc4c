import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import rhea, { type Connection, type EventContext } from 'rhea';
import { until } from '../helpers.ts';
import { startGateway, type RunningGateway } from './gateway.ts';

const routes = `routes:
  - name: plain
    from: { endpoint: amqp, address: "orders" }
    dedup: 1h
    to: [{ endpoint: amqp, address: "taken" }]
  - name: spooled
    from: { endpoint: amqp, address: "later" }
    spool: true
    dedup: { window: 1h, by: "{header.order}" }
    to: [{ endpoint: amqp, address: "taken" }]
`;

async function connect(gateway: RunningGateway): Promise<Connection> {
  const connection = rhea
    .create_container()
    .connect({ host: '127.0.0.1', port: gateway.port('amqp'), username: 'guest', reconnect: false });
  connection.on('disconnected', () => undefined);
  connection.on('error', () => undefined);
  await new Promise((resolve) => connection.once('connection_open', resolve));
  return connection;
}

/** Bodies of what is taken from the target. */
function consume(connection: Connection): string[] {
  const got: string[] = [];
  connection
    .open_receiver({ source: { address: 'taken' } })
    .on('message', ({ message }: EventContext) => void got.push(String(message!.body)));
  return got;
}

/** Sends a message for each number; resolves once all are accepted. */
async function send(connection: Connection, address: string, numbers: readonly number[]): Promise<void> {
  const sender = connection.open_sender({ target: { address } });
  let taken = 0;
  sender.on('accepted', () => taken++);
  sender.once('sendable', () => {
    for (const n of numbers)
      sender.send({ message_id: `id-${n}`, application_properties: { order: n }, body: `${address} ${n}` });
  });
  await until(() => taken === numbers.length, `${address}: all are accepted`);
  sender.close();
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, n) => from + n);

test(
  'a gateway that was killed sends no message again that it had acknowledged',
  { timeout: 180_000 },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'junction-dedup-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const config = join(folder, 'junction.yaml');
    await writeFile(join(folder, 'routes.yaml'), routes);
    await writeFile(
      config,
      `endpoints: { amqp: { type: amqp, listen: "127.0.0.1:0" } }
routes: [routes.yaml]
store: { path: ${JSON.stringify(join(folder, 'data'))} }
admin: { listen: "127.0.0.1:0" }
`,
    );
    const sent: string[] = [];
    for (const [begin, end] of [
      [0, 30],
      [30, 40],
      [40, 50],
    ] as const) {
      const gateway = await startGateway({ config });
      t.after(() => gateway.stop('SIGKILL'));
      const connection = await connect(gateway);
      const got = consume(connection);
      // all there were so far come again, in front of those that are new
      for (const address of ['orders', 'later']) {
        await send(connection, address, numbers(0, end));
        await send(connection, address, numbers(0, end));
      }
      const fresh = ['orders', 'later'].flatMap((address) =>
        numbers(begin, end).map((n) => `${address} ${n}`),
      );
      await until(() => fresh.every((body) => got.includes(body)), 'what is new has come');
      sent.push(...got);
      await gateway.stop('SIGKILL');
    }
    const once = new Set(sent);
    assert.equal(once.size, 100);
    // What the spool has handed over when the gateway is killed may come again; the route without one has no such window.
    const direct = sent.filter((body) => body.startsWith('orders'));
    assert.deepEqual(
      direct,
      numbers(0, 50).map((n) => `orders ${n}`),
    );
  },
);
