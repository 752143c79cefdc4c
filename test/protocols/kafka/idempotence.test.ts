import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Consumer } from '@platformatic/kafka';
import type { Admin } from 'kafkajs';
import { envelope } from '../../../src/core/envelope.ts';
import { JunctionError } from '../../../src/core/errors.ts';
import type { KafkaClient } from '../../../src/protocols/kafka/client.ts';
import { kafkaClientConfig } from '../../../src/protocols/kafka/config.ts';
import { dialerOf } from '../../../src/protocols/kafka/wire/dial.ts';
import { encodeBatch, encodeRecord } from '../../../src/protocols/kafka/wire/record-batch.ts';
import { initProducerId, produce } from '../../../src/protocols/kafka/wire/requests.ts';
import { deafProxyTo } from '../../brokers/deaf-proxy.ts';
import { freePort, startKafka, unavailable, until, type Broker } from '../../brokers/index.ts';
import { fromTheFirst } from '../../brokers/kafka-reading.ts';
import { readAll } from './read-all.ts';
import { openClient, peer, type Line } from './support.ts';

const names = ['b', 'a', 'b', 'c', 'a'];

const message = (text: string, key?: string) =>
  envelope({
    address: 'in',
    body: Buffer.from(text),
    key,
    headers: names.map((name, i) => [name, `${i}`] as const),
  });

/** The code that sending fails with, or `sent`. */
const outcomeOf = (sending: Promise<void>): Promise<string> =>
  sending.then(
    () => 'sent',
    (error: unknown) => (error instanceof JunctionError ? error.code : String(error)),
  );

describe('what Kafka has, it has once', { skip: await unavailable('kafka'), timeout: 180_000 }, () => {
  let broker: Broker;
  let admin: Admin;
  /** Of a listener behind a proxy, whose port its clients are told. */
  let ports: { readonly front: number; readonly behind: number };
  const clients: KafkaClient[] = [];
  before(async () => {
    ports = { front: await freePort(), behind: await freePort() };
    broker = await startKafka({
      also: [{ name: 'FRONT', port: ports.behind, advertised: ports.front, protocol: 'PLAINTEXT' }],
      properties: ['auto.create.topics.enable=false'],
    });
    admin = peer(broker).admin();
    await admin.connect();
  });
  after(async () => {
    for (const client of clients) await client.close();
    await admin.disconnect();
    await broker.stop();
  });

  async function make(topic: string, numPartitions = 1, ...settings: string[]): Promise<void> {
    const configEntries = settings.map((each) => ({
      name: each.split('=')[0]!,
      value: each.split('=')[1]!,
    }));
    await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: true });
  }

  async function open(at: string, settings: object = {}, lines: Line[] = []): Promise<KafkaClient> {
    const client = await openClient(broker, { brokers: [at], ...settings }, lines);
    clients.push(client);
    return client;
  }

  async function written(topic: string): Promise<number> {
    return (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0);
  }

  /** Every record of a topic, read by an independent client that keeps the order of headers. */
  async function read(topic: string) {
    const total = await written(topic);
    const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
      clientId: 'reader',
      groupId: `reader-${topic}`,
      bootstrapBrokers: [broker.at],
      retries: 20,
      retryDelay: 250,
    });
    const stream = await consumer.consume({ topics: [topic], ...fromTheFirst });
    const records: { key: string; value: string; headers: string[][] }[] = [];
    stream.on('data', ({ key, value, headers }) => {
      const pairs = [...headers].map(([name, text]) => [String(name), String(text)]);
      records.push({ key: String(key), value: String(value), headers: pairs });
    });
    await until(() => records.length >= total, `${total} records of ${topic}`);
    await stream.close();
    await consumer.close();
    return records;
  }

  it('over lost answers, cuts, a stop, a kill: each acknowledged message once, in order, with its headers', async (t) => {
    const [keys, count, burst] = [12, 1000, 10];
    const proxy = await deafProxyTo(t, ports.behind, ports.front);
    await make('numbered', 3);
    const lines: Line[] = [];
    const { sink } = await open(`127.0.0.1:${ports.front}`, { timeout: '2s' }, lines);
    let acknowledged = 0;
    const reached = (share: number) =>
      until(() => acknowledged >= share * keys * count, `${share} of all is acknowledged`, 60_000);
    const overdue = () => lines.filter(({ message }) => /acknowledgement was lost/.test(message)).length;

    /** Sends what a key has in order, several at a time; what is given back is sent again, as a route does. */
    async function sender(key: string): Promise<void> {
      for (let next = 0; next < count;) {
        const numbers = Array.from({ length: Math.min(burst, count - next) }, (_, i) => next + i);
        const outcomes = await Promise.all(
          numbers.map(async (number) => {
            const outcome = await outcomeOf(sink.send(message(`${number}`, key), 'numbered'));
            if (outcome === 'sent') acknowledged++;
            return outcome;
          }),
        );
        const sent = outcomes.findIndex((outcome) => outcome !== 'sent');
        const through = sent < 0 ? outcomes.length : sent;
        assert.ok(
          outcomes.slice(through).every((outcome) => outcome === 'unavailable'),
          `nothing overtakes, and what is given back was not written: ${outcomes.join(' ')}`,
        );
        next += through;
      }
    }

    async function faults(): Promise<void> {
      for (const share of [0.1, 0.2, 0.3]) {
        await reached(share);
        proxy.state.deaf = true;
        await until(
          async () => (await written('numbered')) > acknowledged,
          'something is written in silence',
        );
        proxy.cut();
        proxy.state.deaf = false;
      }
      await reached(0.4);
      broker.signal('SIGSTOP');
      const before = overdue();
      await until(() => overdue() > before, 'its time is up, and its outcome is unknown');
      broker.signal('SIGCONT');
      await reached(0.5);
      proxy.state.deaf = true;
      await broker.kill('SIGKILL');
      proxy.cut();
      proxy.state.deaf = false;
      await broker.start();
      for (const share of [0.7, 0.8, 0.9]) {
        await reached(share);
        proxy.cut();
      }
    }

    await Promise.all([faults(), ...Array.from({ length: keys }, (_, i) => sender(`key-${i}`))]);
    const records = await read('numbered');
    const next = new Map<string, number>();
    for (const { key, value, headers } of records) {
      assert.equal(Number(value), next.get(key) ?? 0, `${key}: once, and in order`);
      next.set(key, Number(value) + 1);
      assert.deepEqual(
        headers,
        names.map((name, i) => [name, `${i}`]),
      );
    }
    assert.equal(records.length, keys * count);
  });

  it('a message without key stays in its partition when it is sent again', async (t) => {
    const proxy = await deafProxyTo(t, ports.behind, ports.front);
    await make('spread', 3);
    const { sink } = await open(`127.0.0.1:${ports.front}`);
    await sink.send(message('first'), 'spread');
    proxy.state.deaf = true;
    const sending = sink.send(message('once'), 'spread');
    await until(async () => (await written('spread')) === 2, 'it is written, and the answer is lost');
    proxy.cut();
    proxy.state.deaf = false;
    await sending;
    await sink.send(message('last'), 'spread');
    assert.equal(await written('spread'), 3);
  });

  it('what is acknowledged is there, also after a request of which one part failed', async () => {
    await make('good');
    await make('small', 1, 'max.message.bytes=1000');
    const { sink } = await open(broker.at);
    const both = (good: string, small: string) =>
      Promise.all([
        outcomeOf(sink.send(message(good), 'good')),
        outcomeOf(sink.send(message(small), 'small')),
      ]);
    assert.deepEqual(await both('zero', 'zero'), ['sent', 'sent']);
    assert.deepEqual(await both('one', 'x'.repeat(5000)), ['sent', 'too-large']);
    assert.deepEqual(await both('two', 'two'), ['sent', 'sent']);
    const values = async (topic: string) => (await readAll(broker, topic)).map(({ value }) => value);
    assert.deepEqual(await values('good'), ['zero', 'one', 'two']);
    assert.deepEqual(await values('small'), ['zero', 'two']);
  });

  it('begins another sequence when the broker does not follow its own, and loses nothing', async () => {
    const lines: Line[] = [];
    await make('foreign');
    const { sink } = await open(broker.at, {}, lines);
    await sink.send(message('0'), 'foreign');
    // Somebody who writes under the identity of ours, which is the last that was given.
    const config = kafkaClientConfig.parse({ brokers: [broker.at] });
    const stranger = await dialerOf(config)(
      { host: '127.0.0.1', port: broker.port },
      AbortSignal.timeout(10_000),
    );
    const { id } = (await stranger.request(initProducerId, 5000)).identity;
    async function forge(epoch: number, sequence: number, values: readonly string[]): Promise<void> {
      const records = values.map((value) =>
        encodeRecord({ key: null, value: Buffer.from(value), headers: [] }),
      );
      const batch = encodeBatch(records, { identity: { id: id - 1n, epoch }, sequence });
      const request = produce([{ topic: 'foreign', partition: 0, batch }], 8, 5000);
      const { verdicts } = await stranger.request(request, 5000);
      assert.equal(verdicts.get('foreign')!.get(0)!.error, 0);
    }
    await forge(0, 1, ['forged', 'forged']);
    await sink.send(message('1'), 'foreign');
    await sink.send(message('2'), 'foreign');
    stranger.end('done');
    const values = (await readAll(broker, 'foreign')).map(({ value }) => value);
    assert.deepEqual(values, ['0', 'forged', 'forged', '1', '2']);
    assert.match(lines.find(({ level }) => level === 'warn')!.message, /lost count/);
  });

  it('an unknown outcome is told once nobody is left who could know it', async (t) => {
    const proxy = await deafProxyTo(t, ports.behind, ports.front);
    await make('doomed');
    const { sink } = await open(`127.0.0.1:${ports.front}`, { timeout: '1s' });
    await sink.send(message('0'), 'doomed');
    proxy.state.deaf = true;
    const outcome = outcomeOf(sink.send(message('1'), 'doomed'));
    await until(async () => (await written('doomed')) === 2, 'it is written, and the answer is lost');
    await admin.deleteTopics({ topics: ['doomed'] });
    proxy.cut();
    proxy.state.deaf = false;
    assert.equal(await outcome, 'timeout');
    await make('doomed');
    await until(async () => (await outcomeOf(sink.send(message('2'), 'doomed'))) === 'sent');
    assert.deepEqual(
      (await readAll(broker, 'doomed')).map(({ value }) => value),
      ['2'],
    );
  });

  it('idempotent: false asks for no identity, and writes all the same', async () => {
    await make('plain');
    const { sink } = await open(broker.at, { idempotent: false, compression: 'gzip' });
    await Promise.all(Array.from({ length: 50 }, (_, i) => sink.send(message(`${i}`), 'plain')));
    const values = (await readAll(broker, 'plain')).map(({ value }) => Number(value));
    assert.deepEqual(
      values,
      Array.from({ length: 50 }, (_, i) => i),
    );
  });
});
