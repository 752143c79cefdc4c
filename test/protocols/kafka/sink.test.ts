import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { envelope } from '../../../src/core/envelope.ts';
import { JunctionError } from '../../../src/core/errors.ts';
import { startKafka, unavailable, until, type Broker } from '../../brokers/index.ts';
import { readAll } from './read-all.ts';
import { createClient, openClient, peer, type Line } from './support.ts';

const message = (text: string, key?: string) => envelope({ address: 'in', body: Buffer.from(text), key });

/** The code of the JunctionError that it fails with. */
const codeOf = (sending: Promise<void>): Promise<string> =>
  sending.then(
    () => 'sent',
    (error: unknown) => {
      assert.ok(error instanceof JunctionError, String(error));
      return error.code;
    },
  );

describe('Kafka as a target', { skip: await unavailable('kafka'), timeout: 150_000 }, () => {
  let broker: Broker;
  before(async () => {
    broker = await startKafka({ properties: ['message.max.bytes=200000'] });
  });
  after(() => broker.stop());

  test('resolves with the message in Kafka, whole and in order by key', async () => {
    const admin = peer(broker).admin();
    await admin.connect();
    await admin.createTopics({
      topics: ['ordered-0', 'ordered-1', 'ordered-2'].map((topic) => ({ topic, numPartitions: 3 })),
      waitForLeaders: true,
    });
    await admin.disconnect();
    const client = await openClient(broker);
    try {
      const sent = [];
      for (let i = 0; i < 2000; i++)
        sent.push(client.sink.send(message(String(i), `k${i % 7}`), `ordered-${i % 3}`));
      await Promise.all(sent);
      const lastOf = new Map<string, number>();
      let count = 0;
      for (const topic of ['ordered-0', 'ordered-1', 'ordered-2'])
        for (const { key, value } of await readAll(broker, topic)) {
          const at = `${topic}/${key}`;
          const number = Number(value);
          assert.ok(number > (lastOf.get(at) ?? -1), `${at}: ${number} after ${lastOf.get(at)}`);
          lastOf.set(at, number);
          count++;
        }
      assert.equal(count, 2000);
    } finally {
      await client.close();
    }
  });

  test('headers, key, timestamp and tombstone are Kafka’s own', async () => {
    const client = await openClient(broker);
    try {
      await client.sink.send(
        envelope({
          address: 'in',
          body: null,
          key: 'k',
          timestamp: 1_700_000_000_123,
          contentType: 'text/plain',
          headers: [
            ['a', '1'],
            ['a', '2'],
            ['raw', Buffer.from([0, 255])],
          ],
        }),
        'native',
      );
      const [record] = await readAll(broker, 'native');
      assert.equal(record?.value, null);
      assert.equal(record?.key, 'k');
      assert.equal(record?.timestamp, '1700000000123');
      assert.deepEqual(record?.headers, {
        'content-type': Buffer.from('text/plain'),
        a: [Buffer.from('1'), Buffer.from('2')],
        raw: Buffer.from([0, 255]),
        'junction-types': Buffer.from('raw=binary'),
      });
    } finally {
      await client.close();
    }
  });

  test('times in one batch may be far apart, and headers many and long', async () => {
    const client = await openClient(broker);
    try {
      const times = [1_700_000_000_123, 0, 1_700_000_000_124, 1_699_000_000_000, 5];
      const header = ['long', 'x'.repeat(20_000)] as const;
      const headers = Array.from({ length: 70 }, (_, i) => [`h${i}`, `${i}`] as const);
      await Promise.all(
        times.map((timestamp) =>
          client.sink.send(
            envelope({ address: 'in', body: null, key: 'k', timestamp, headers: [header, ...headers] }),
            'times',
          ),
        ),
      );
      const records = await readAll(broker, 'times');
      assert.deepEqual(
        records.map(({ timestamp }) => Number(timestamp)),
        times,
      );
      assert.equal(String(records[4]!.headers!['long']), header[1]);
      assert.equal(String(records[4]!.headers!['h69']), '69');
    } finally {
      await client.close();
    }
  });

  test('a refused message fails alone, for good; those beside it arrive once', async () => {
    const client = await openClient(broker, { batch_size: '150kB' });
    try {
      await client.sink.send(message('first'), 'mixed');
      const outcomes = await Promise.all([
        codeOf(client.sink.send(message('before'), 'mixed')),
        codeOf(client.sink.send(envelope({ address: 'in', body: Buffer.alloc(300_000) }), 'mixed')),
        codeOf(client.sink.send(message('after'), 'mixed')),
        codeOf(client.sink.send(message('elsewhere'), 'other')),
        codeOf(client.sink.send(message('x'), 'not/a/topic')),
        codeOf(client.sink.send(envelope({ address: 'in', body: Buffer.alloc(1_100_000) }), 'mixed')),
      ]);
      assert.deepEqual(outcomes, ['sent', 'too-large', 'sent', 'sent', 'invalid-message', 'too-large']);
      const values = (await readAll(broker, 'mixed')).map(({ value }) => value);
      assert.deepEqual(values.sort(), ['after', 'before', 'first']);
    } finally {
      await client.close();
    }
  });

  test('what waits is bounded, and told apart from what failed', async () => {
    const client = await openClient(broker, { max_pending: '10kB' });
    try {
      const sent = Array.from({ length: 20 }, () =>
        codeOf(client.sink.send(envelope({ address: 'in', body: Buffer.alloc(1000) }), 'bounded')),
      );
      const codes = new Set(await Promise.all(sent));
      assert.deepEqual([...codes].sort(), ['busy', 'sent']);
      // One that is larger than all that may wait goes alone: it would else be busy for ever.
      assert.equal(
        await codeOf(client.sink.send(envelope({ address: 'in', body: Buffer.alloc(20_000) }), 'bounded')),
        'sent',
      );
    } finally {
      await client.close();
      assert.equal(await codeOf(client.sink.send(message('late'), 'bounded')), 'closed');
    }
  });

  test('while the brokers are away senders are told in time, and it recovers unaided', async () => {
    const lines: Line[] = [];
    const client = await openClient(broker, { timeout: '1s' }, lines);
    try {
      await broker.kill('SIGKILL');
      await until(() => client.status().state !== 'ready');
      assert.equal(await codeOf(client.sink.send(message('lost?'), 'away')), 'unavailable');
      await until(() => client.status().state === 'failing');
      assert.match(client.status().reason ?? '', /ECONNREFUSED/);
      await broker.start();
      await until(() => client.status().state === 'ready');
      await until(async () => (await codeOf(client.sink.send(message('back'), 'away'))) === 'sent');
      assert.equal(lines.filter(({ level }) => level === 'warn').length, 1);
    } finally {
      await client.close();
    }
  });

  test('after kill -9 in mid-stream every acknowledged message is there, once', async () => {
    const total = 10_000;
    const client = await openClient(broker, { timeout: '60s' });
    const acknowledged = new Set<number>();
    const failed = new Map<number, string>();
    let restarted: Promise<void> | undefined;
    try {
      let next = 0;
      const worker = async (): Promise<void> => {
        while (next < total) {
          const number = next++;
          try {
            await client.sink.send(message(String(number), `k${number % 5}`), 'stream');
            acknowledged.add(number);
          } catch (error) {
            failed.set(number, (error as JunctionError).code);
          }
          if (acknowledged.size >= total / 3) restarted ??= broker.restart('SIGKILL');
        }
      };
      await Promise.all(Array.from({ length: 400 }, worker));
      await restarted;
      assert.ok(restarted, 'the broker was killed');
      const times = new Map<number, number>();
      for (const { value } of await readAll(broker, 'stream'))
        times.set(Number(value), (times.get(Number(value)) ?? 0) + 1);
      const lost = [...acknowledged].filter((number) => !times.has(number));
      assert.deepEqual(lost, []);
      assert.equal(acknowledged.size + failed.size, total);
      assert.deepEqual([...failed.values()], [], 'the broker was back in time for all');
      assert.ok([...times.keys()].every((number) => number >= 0 && number < total));
      const repeats = [...times.values()].reduce((sum, count) => sum + count - 1, 0);
      assert.equal(repeats, 0);
    } finally {
      await restarted;
      await client.close();
    }
  });
});

describe('Kafka without automatic topics', { skip: await unavailable('kafka'), timeout: 60_000 }, () => {
  test('a missing topic holds up its own messages only, until it is made', async () => {
    const broker = await startKafka({ properties: ['auto.create.topics.enable=false'] });
    const admin = peer(broker).admin();
    const client = await openClient(broker, { timeout: '3s' });
    try {
      await admin.connect();
      await admin.createTopics({ topics: [{ topic: 'there', numPartitions: 1 }] });
      assert.deepEqual(
        await Promise.all([
          codeOf(client.sink.send(message('1'), 'not-there')),
          codeOf(client.sink.send(message('2'), 'there')),
          codeOf(client.sink.send(message('3'), 'there')),
        ]),
        ['unavailable', 'sent', 'sent'],
      );
      assert.equal(client.status().state, 'ready');
      const late = codeOf(client.sink.send(message('4'), 'not-there'));
      await admin.createTopics({ topics: [{ topic: 'not-there', numPartitions: 1 }] });
      assert.equal(await late, 'sent');
    } finally {
      await client.close();
      await admin.disconnect();
      await broker.stop();
    }
  });
});

describe('Kafka that authenticates', { skip: await unavailable('kafka'), timeout: 60_000 }, () => {
  test('the right password opens it; a wrong one is told, and not shown', async () => {
    const user = { username: 'junction', password: 'right-word' };
    const broker = await startKafka({ user });
    const client = await openClient(broker, { sasl: { mechanism: 'plain', ...user } });
    const stranger = createClient(broker, {
      sasl: { mechanism: 'plain', username: 'junction', password: 'wrong-word' },
      timeout: '1s',
    });
    try {
      await client.sink.send(message('x'), 'secured');
      await stranger.open();
      await until(() => stranger.status().state === 'failing');
      assert.match(stranger.status().reason!, /[Aa]uthentication failed/);
      assert.doesNotMatch(JSON.stringify(stranger.status()), /wrong-word/);
      assert.equal(await codeOf(stranger.sink.send(message('y'), 'secured')), 'unavailable');
    } finally {
      await client.close();
      await stranger.close();
      await broker.stop();
    }
  });
});
