import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Envelope } from '../../../src/core/envelope.ts';
import { JunctionError } from '../../../src/core/errors.ts';
import { accepted, type Outcome } from '../../../src/core/outcome.ts';
import type { KafkaClient } from '../../../src/protocols/kafka/client.ts';
import { startKafka, unavailable, until, type Broker } from '../../brokers/index.ts';
import { intake, openClient, peer, type Line } from './support.ts';

const text = (envelope: Envelope): string => Buffer.from(envelope.body ?? '').toString();
const later = (): Outcome => ({
  state: 'released',
  error: new JunctionError('unavailable', 'the target is away'),
});

describe('Kafka as a source', { skip: await unavailable('kafka'), timeout: 150_000 }, () => {
  let broker: Broker;
  before(async () => {
    broker = await startKafka();
  });
  after(() => broker.stop());

  /** Produces with plain kafkajs. */
  async function produce(topic: string, values: readonly string[], key = 'k'): Promise<void> {
    const producer = peer(broker).producer();
    await producer.connect();
    await producer.send({
      topic,
      messages: values.map((value) => ({ key, value, headers: { h: ['1', '2'] } })),
    });
    await producer.disconnect();
  }

  /** What the group has committed in all partitions together. */
  async function committed(group: string, topic: string): Promise<number> {
    const admin = peer(broker).admin();
    await admin.connect();
    const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
    await admin.disconnect();
    return offsets!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
  }

  const numbers = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => String(from + i));

  test('hands messages over in order and commits only what is settled', async () => {
    await produce('orders', numbers(0, 100));
    const client = await openClient(broker, { group: 'g-orders', window: 10 });
    const got: Envelope[] = [];
    const settle: (() => void)[] = [];
    try {
      await client.source.start(
        intake(['orders'], (envelope) => {
          got.push(envelope);
          return new Promise((resolve) => settle.push(() => resolve(accepted)));
        }),
      );
      await until(() => got.length === 10, 'the window is full');
      assert.deepEqual(got.map(text), numbers(0, 10));
      assert.equal(got[0]!.key, 'k');
      assert.deepEqual(got[0]!.headers, [
        ['h', '1'],
        ['h', '2'],
      ]);
      // All but the first: nothing of it can be committed, and no more than the freed places are filled.
      for (const answer of settle.splice(1)) answer();
      await until(() => got.length === 19);
      for (const answer of settle.splice(1)) answer();
      await until(() => got.length === 28);
      assert.equal(await committed('g-orders', 'orders'), 0);
      settle.shift()!();
      await until(async () => (await committed('g-orders', 'orders')) === 19);
      // From here on everything at once.
      while (got.length < 100 || settle.length > 0) {
        settle.shift()?.();
        await until(() => settle.length > 0 || got.length === 100);
      }
      await until(async () => (await committed('g-orders', 'orders')) === 100);
      assert.deepEqual(got.map(text), numbers(0, 100));
    } finally {
      for (const answer of settle) answer();
      await client.close();
    }
  });

  test('what was not settled comes again to the next reader, what was does not', async () => {
    await produce('again', numbers(0, 20));
    const first = await openClient(broker, { group: 'g-again' });
    const seen: string[] = [];
    await first.source.start(
      intake(['again'], (envelope) => {
        seen.push(text(envelope));
        return seen.length <= 5 ? Promise.resolve(accepted) : Promise.resolve(later());
      }),
    );
    await until(() => seen.length >= 20);
    await first.close();
    const rest: string[] = [];
    const second = await openClient(broker, { group: 'g-again' });
    await second.source.start(
      intake(['again'], (envelope) => {
        rest.push(text(envelope));
        return Promise.resolve(accepted);
      }),
    );
    await until(() => rest.length === 15);
    assert.deepEqual(rest, numbers(5, 20));
    await until(async () => (await committed('g-again', 'again')) === 20);
    await second.close();
  });

  test('a message that is not accepted holds its partition, is tried again, and is told', async () => {
    await produce('poison', numbers(0, 30));
    const lines: Line[] = [];
    const client = await openClient(broker, { group: 'g-poison', window: 4 }, lines);
    const attempts: Envelope[] = [];
    const done: string[] = [];
    let refuse = true;
    try {
      await client.source.start(
        intake(['poison'], (envelope) => {
          if (text(envelope) === '2' && refuse) {
            attempts.push(envelope);
            return Promise.resolve({
              state: 'rejected',
              error: new JunctionError('refused', 'not like this'),
            });
          }
          done.push(text(envelope));
          return Promise.resolve(accepted);
        }),
      );
      await until(() => attempts.length >= 3);
      assert.deepEqual(
        attempts.slice(0, 3).map((e) => e.deliveryCount),
        [0, 1, 2],
      );
      assert.equal(client.status().state, 'failing');
      assert.match(client.status().reason!, /poison is held at offset 2: not like this/);
      assert.ok(done.length <= 10, `handed over beyond the window: ${done.join()}`);
      await until(async () => (await committed('g-poison', 'poison')) === 2);
      assert.ok(lines.some(({ message }) => message.includes('refused for good')));
      refuse = false;
      await until(async () => (await committed('g-poison', 'poison')) === 30);
      assert.equal(client.status().state, 'ready');
      assert.deepEqual(
        [...done].sort((a, b) => Number(a) - Number(b)),
        numbers(0, 30),
      );
    } finally {
      await client.close();
    }
  });

  test('a partition that waits does not hold up another', async () => {
    await produce('stuck', numbers(0, 3000));
    const client = await openClient(broker, { group: 'g-lanes' });
    const free: string[] = [];
    const stuck: (() => void)[] = [];
    try {
      await client.source.start(
        intake(['stuck', 'free'], (envelope) => {
          if (envelope.address === 'stuck' && stuck.length < 100)
            return new Promise((resolve) => stuck.push(() => resolve(later())));
          if (envelope.address === 'free') free.push(text(envelope));
          return Promise.resolve(accepted);
        }),
      );
      await until(() => stuck.length === 100);
      await produce('free', numbers(0, 50));
      await until(() => free.length === 50);
    } finally {
      for (const answer of stuck) answer();
      await client.close();
    }
  });

  test('patterns find new topics, from their first message', async () => {
    await produce('plants.p1.temperature', ['a']);
    const client = await openClient(broker, { group: 'g-plants', discovery: '300ms' });
    const got: string[] = [];
    try {
      await client.source.start(
        intake(['plants.{plant}.temperature'], (envelope) => {
          got.push(`${envelope.address}=${text(envelope)}`);
          return Promise.resolve(accepted);
        }),
      );
      await until(() => got.length === 1);
      await produce('plants.p2.temperature', ['b']);
      await produce('plants.p2.pressure', ['c']);
      await until(() => got.length === 2);
      assert.deepEqual(got, ['plants.p1.temperature=a', 'plants.p2.temperature=b']);
    } finally {
      await client.close();
    }
  });

  test('from: latest begins at the end, and stays there over a restart of the brokers', async () => {
    await produce('news', numbers(0, 5));
    const client = await openClient(broker, { group: 'g-news', from: 'latest', session_timeout: '6s' });
    const got: string[] = [];
    try {
      await client.source.start(
        intake(['news'], (envelope) => {
          got.push(text(envelope));
          return Promise.resolve(accepted);
        }),
      );
      await until(async () => client.status().state === 'ready' && (await committed('g-news', 'news')) === 5);
      await broker.restart('SIGKILL');
      await produce('news', ['5']);
      await until(() => got.length > 0, 'it reads again', 60_000);
      assert.deepEqual(got, ['5']);
    } finally {
      await client.close();
    }
  });

  test('members that come and go lose nothing', async () => {
    const total = 3000;
    const counts = new Map<string, number>();
    const open = (): Promise<KafkaClient> =>
      openClient(broker, { group: 'g-members', session_timeout: '6s' });
    const reading = intake(['shared'], async (envelope) => {
      await new Promise(setImmediate);
      counts.set(text(envelope), (counts.get(text(envelope)) ?? 0) + 1);
      return accepted;
    });
    for (const key of ['a', 'b', 'c', 'd', 'e']) await produce('shared', [`first-${key}`], key);
    const one = await open();
    const two = await open();
    try {
      await one.source.start(reading);
      await until(() => counts.size === 5);
      const producing = (async () => {
        for (let i = 0; i < total; i += 100) await produce('shared', numbers(i, i + 100), `k${i}`);
      })();
      await two.source.start(reading);
      await until(() => counts.size > total / 2, 'half is read', 60_000);
      await one.source.stop();
      await producing;
      await until(() => counts.size === total + 5, 'all is read', 60_000);
    } finally {
      await one.close();
      await two.close();
    }
  });
});
