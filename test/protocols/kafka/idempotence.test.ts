import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Kafka, logLevel, Partitioners, type Producer } from 'kafkajs';
import { deafProxyTo } from '../../brokers/deaf-proxy.ts';
import { freePort, startKafka, unavailable, until, type Broker } from '../../brokers/index.ts';
import { readAll } from './read-all.ts';

/**
 * Why we do not use the idempotent producer of kafkajs (docs/decisions/0013-*): what is shown here is what it does at
 * a real broker. When a new version of kafkajs fails these tests, it is time to look at it again.
 */
describe('the idempotent producer of kafkajs', { skip: await unavailable('kafka') }, () => {
  let broker: Broker;
  /** Of a listener behind a proxy, whose port its clients are told. */
  let ports: { readonly front: number; readonly behind: number };
  const producers: Producer[] = [];
  before(async () => {
    ports = { front: await freePort(), behind: await freePort() };
    broker = await startKafka({
      also: [{ name: 'FRONT', port: ports.behind, advertised: ports.front, protocol: 'PLAINTEXT' }],
    });
  });
  after(async () => {
    await Promise.all(producers.map((producer) => producer.disconnect()));
    await broker.stop();
  });

  async function open(at: string): Promise<{ kafka: Kafka; producer: Producer }> {
    const kafka = new Kafka({ brokers: [at], logLevel: logLevel.NOTHING, retry: { retries: 5 } });
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 5 },
    });
    producers.push(producer);
    await producer.connect();
    return { kafka, producer };
  }

  it('loses a message that it says is acknowledged, after a request of which one part failed', async () => {
    const { kafka, producer } = await open(broker.at);
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({
      waitForLeaders: true,
      topics: [
        { topic: 'good', numPartitions: 1 },
        {
          topic: 'small',
          numPartitions: 1,
          configEntries: [{ name: 'max.message.bytes', value: '1000' }],
        },
      ],
    });
    await admin.disconnect();
    const send = (topic: string, value: string) => ({ topic, messages: [{ value }] });
    await producer.sendBatch({ topicMessages: [send('good', 'zero'), send('small', 'zero')] });
    await assert.rejects(
      producer.sendBatch({ topicMessages: [send('good', 'one'), send('small', 'x'.repeat(5000))] }),
      { type: 'MESSAGE_TOO_LARGE' },
    );
    // It takes back the sequence numbers of all parts, also of the one that was written.
    const [answer] = await producer.send(send('good', 'two'));
    assert.equal(answer!.errorCode, 0, 'acknowledged');
    const there = await readAll(broker, 'good');
    assert.deepEqual(
      there.map(({ value }) => value),
      ['zero', 'one'],
      'and not there',
    );
  });

  it('writes a message without key twice when it tries again: to another partition', async (t) => {
    const proxy = await deafProxyTo(t, ports.behind, ports.front);
    const { producer } = await open(`127.0.0.1:${ports.front}`);
    const direct = new Kafka({ brokers: [broker.at], logLevel: logLevel.NOTHING }).admin();
    await direct.connect();
    t.after(() => direct.disconnect());
    await direct.createTopics({ waitForLeaders: true, topics: [{ topic: 'spread', numPartitions: 3 }] });
    const written = async (): Promise<number> =>
      (await direct.fetchTopicOffsets('spread')).reduce((sum, { high }) => sum + Number(high), 0);
    await producer.send({ topic: 'spread', messages: [{ value: 'first' }] });
    proxy.state.deaf = true;
    const sending = producer.send({ topic: 'spread', messages: [{ value: 'once' }] });
    await until(async () => (await written()) === 2, 'it is written, and the answer is lost');
    proxy.cut();
    proxy.state.deaf = false;
    await sending;
    assert.equal(await written(), 3);
  });
});
