import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import rhea, { type EventContext } from 'rhea';
import type { Peer } from '../contract/contract.ts';
import { connectAmqp } from '../contract/harness/amqp.ts';
import { connectStomp } from '../contract/harness/stomp.ts';
import { until } from '../helpers.ts';
import { randomFrom } from '../store/random.ts';
import { runCommand, startGateway, type RunningGateway } from './gateway.ts';

const configuration = (store: string): string => `endpoints:
  amqp: { type: amqp, listen: "127.0.0.1:0", durable: true }
  stomp: { type: stomp, listen: "127.0.0.1:0", durable: true }
admin: { listen: "127.0.0.1:0" }
store: { path: ${store} }
`;

async function prepare(t: TestContext): Promise<{
  start: () => Promise<RunningGateway>;
  write: (change: (text: string) => string) => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'junction-queues-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'junction.yaml');
  await writeFile(config, configuration(join(folder, 'data')));
  return {
    write: async (change) => writeFile(config, change(await readFile(config, 'utf8'))),
    start: async () => {
      const gateway = await startGateway({ config });
      t.after(() => gateway.stop('SIGKILL'));
      return gateway;
    },
  };
}

const protocols = [
  { name: 'amqp', address: 'jobs', connect: (port: number) => connectAmqp(port) },
  { name: 'stomp', address: '/queue/jobs', connect: (port: number) => connectStomp(port, '1.2') },
] as const;

/** Sends numbered messages, many at a time, until the connection ends. */
class Publisher {
  readonly accepted: number[] = [];
  sent = 0;

  /** Resolves when all that was sent is answered, or will never be. */
  async run(peer: Peer, address: string): Promise<void> {
    const outstanding = new Set<Promise<void>>();
    let first = true;
    for (let closed = false; !closed;) {
      const number = ++this.sent;
      const one = peer.publish(address, { body: Buffer.from(String(number)) }).then(
        (answer) => {
          if (answer === 'accepted') this.accepted.push(number);
          else closed = true;
        },
        () => void (closed = true),
      );
      outstanding.add(one);
      void one.then(() => outstanding.delete(one));
      // The link opens with the first.
      if (first || outstanding.size >= 50) await Promise.race(outstanding);
      first = false;
    }
    await Promise.all(outstanding);
  }
}

/** A receiver that refuses the first message for good. */
async function rejectOne(port: number, address: string): Promise<void> {
  const connection = rhea
    .create_container()
    .connect({ host: '127.0.0.1', port, username: 'guest', reconnect: false });
  const receiver = connection.open_receiver({ source: { address }, autoaccept: false, credit_window: 1 });
  const [{ delivery }] = (await once(receiver, 'message')) as [EventContext];
  delivery!.reject({ condition: 'shop:closed', description: 'no' });
  connection.close();
  await once(connection, 'connection_close');
}

const seed = Number(process.env['JUNCTION_SEED'] ?? Date.now() % 1_000_000);

describe(`durable queues of a gateway that is killed (seed ${seed})`, () => {
  for (const { name, address, connect } of protocols)
    it(`${name}: without a consumer, all that was accepted is delivered after restarts, in order`, async (t) => {
      const random = randomFrom(seed);
      const { start } = await prepare(t);
      const publisher = new Publisher();
      for (let life = 0; life < 3; life++) {
        const gateway = await start();
        const goal = publisher.accepted.length + 1 + Math.floor(random() * 2000);
        const running = publisher.run(await connect(gateway.port(name)), address);
        await until(() => publisher.accepted.length >= goal, 'enough is accepted', 60_000);
        await gateway.stop('SIGKILL');
        await running;
      }
      const gateway = await start();
      const peer = await connect(gateway.port(name));
      const { messages } = await peer.subscribe(address);
      const missing = (): number[] => {
        const got = new Set(messages.map(({ body }) => Number(body.toString())));
        return publisher.accepted.filter((number) => !got.has(number));
      };
      await until(
        () => messages.length >= publisher.accepted.length && missing().length === 0,
        'all has come',
        60_000,
      );
      const numbers = messages.map(({ body }) => Number(body.toString()));
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].sort((a, b) => a - b),
        'in order, and each once',
      );
      assert.ok(numbers.at(-1)! <= publisher.sent);
      await peer.close();
      assert.equal(await gateway.stop(), 0);
    });

  for (const { name, address, connect } of protocols)
    it(`${name}: with a consumer, nothing is lost, and only what was not settled comes again`, async (t) => {
      const random = randomFrom(seed + 1);
      const { start } = await prepare(t);
      const publisher = new Publisher();
      const got: number[] = [];
      for (let life = 0; life < 3; life++) {
        const gateway = await start();
        const port = gateway.port(name);
        const consumer = await connect(port);
        const { messages } = await consumer.subscribe(address);
        const goal = publisher.accepted.length + 1 + Math.floor(random() * 2000);
        const running = publisher.run(await connect(port), address);
        await until(() => publisher.accepted.length >= goal, 'enough is accepted', 60_000);
        await gateway.stop('SIGKILL');
        await running;
        got.push(...messages.map(({ body }) => Number(body.toString())));
      }
      const gateway = await start();
      const consumer = await connect(gateway.port(name));
      const { messages } = await consumer.subscribe(address);
      const last = 'the end';
      assert.equal(await consumer.publish(address, { body: Buffer.from(last) }), 'accepted');
      await until(() => messages.at(-1)?.body.toString() === last, 'the last has come', 60_000);
      got.push(...messages.slice(0, -1).map(({ body }) => Number(body.toString())));
      const arrived = new Set(got);
      assert.deepEqual(
        publisher.accepted.filter((number) => !arrived.has(number)),
        [],
      );
      await consumer.close();
      assert.equal(await gateway.stop(), 0);
    });

  it('what is left in a store that nothing needs any more is told, and is there later', async (t) => {
    const { start, write } = await prepare(t);
    const before = await start();
    const peer = await connectAmqp(before.port('amqp'));
    assert.equal(await peer.publish('jobs', { body: Buffer.from('1') }), 'accepted');
    assert.equal(await peer.publish('jobs', { body: Buffer.from('2') }), 'accepted');
    await rejectOne(before.port('amqp'), 'jobs');
    await peer.close();
    assert.equal(await before.stop(), 0);

    await write((text) => text.replaceAll('durable: true', 'durable: false'));
    const without = await start();
    assert.match(
      without.output(),
      /"endpoint":"amqp","queues":1,"messages":1,"msg":"messages wait in queues of/,
    );
    assert.match(without.output(), /"letters":1,"msg":"there are dead letters in the store/);
    assert.equal(await without.stop(), 0);

    await write((text) => text.replaceAll('durable: false', 'durable: true'));
    const after = await start();
    const consumer = await connectAmqp(after.port('amqp'));
    const { messages } = await consumer.subscribe('jobs');
    await until(() => messages.length === 1, 'it has come', 20_000);
    assert.equal(messages[0]!.body.toString(), '2');
    await consumer.close();
    assert.equal(await after.stop(), 0);
  });

  it('a letter of a queue is listed, and sent again into the queue', async (t) => {
    const { start } = await prepare(t);
    const gateway = await start();
    const dlq = (...args: string[]) =>
      runCommand(process.execPath, [
        ...['--import', 'tsx', 'src/main.ts', 'dlq', ...args],
        ...['--admin', `127.0.0.1:${gateway.port('admin')}`],
      ]);
    const peer = await connectAmqp(gateway.port('amqp'));
    assert.equal(await peer.publish('jobs', { body: Buffer.from('bad') }), 'accepted');
    await rejectOne(gateway.port('amqp'), 'jobs');
    let listed = await dlq('list');
    await until(
      async () => (listed = await dlq('list')).stdout.includes('refused'),
      'the letter is there',
      60_000,
    );
    assert.match(listed.stdout, /^1 +\S+Z +- +amqp jobs +refused +1 +3 /m);
    const replayed = await dlq('replay', '1');
    assert.equal(replayed.code, 0, replayed.stderr + replayed.stdout);
    const { messages } = await peer.subscribe('jobs');
    await until(() => messages.length === 1, 'it has come again', 20_000);
    assert.equal(messages[0]!.body.toString(), 'bad');
    await peer.close();
    assert.equal(await gateway.stop(), 0);
  });
});
