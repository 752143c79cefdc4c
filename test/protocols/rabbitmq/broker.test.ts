import type { Message } from 'amqplib';
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { accepted } from '../../../src/core/outcome.ts';
import { JunctionError } from '../../../src/core/errors.ts';
import type { RabbitClient } from '../../../src/protocols/rabbitmq/client.ts';
import {
  makeCertificates,
  startRabbitMq,
  unavailable,
  type Broker,
  type Certificates,
} from '../../brokers/index.ts';
import type { RabbitMqPorts } from '../../brokers/index.ts';
import { FaultProxy } from '../../faults/proxy.ts';
import { keptLog, message, textOf, until } from '../../helpers.ts';
import { intakeOf, makeClient, ready, withAmqplib } from './support.ts';

const code = (wanted: string) => (error: unknown) => error instanceof JunctionError && error.code === wanted;
const skip = await unavailable('rabbitmq');

describe('the RabbitMQ client at a real broker', { skip, timeout: 180_000 }, () => {
  let broker: Broker & RabbitMqPorts;
  let certificates: Certificates;
  const open: RabbitClient[] = [];
  const client = async (settings: object = {}): Promise<RabbitClient> => {
    const made = makeClient({ url: `amqp://${broker.at}`, timeout: '20s', ...settings });
    open.push(made);
    await made.open();
    return made;
  };
  const declared = async (queues: object[], more: object = {}): Promise<RabbitClient> => {
    const made = await client({ declare: { queues, ...more } });
    await ready(made);
    return made;
  };

  before(async () => {
    certificates = await makeCertificates({ client: 'guest' });
    broker = await startRabbitMq({
      plugins: [],
      tls: { certificates },
      config: ['consumer_timeout = 3000', 'max_message_size = 1000000'],
    });
  });
  after(async () => {
    for (const each of open) await each.close();
    await broker?.stop();
  });

  it('fails a message that no queue takes, and only that one', async () => {
    const it = await declared([{ name: 'taken', type: 'classic' }], {
      exchanges: [{ name: 'ex' }],
      bindings: [{ exchange: 'ex', queue: 'taken', key: 'a.*' }],
    });
    const sends = Array.from({ length: 200 }, (_, n) =>
      // every fourth goes nowhere; bodies repeat
      it.sink.send(message('x', n % 8), n % 4 === 1 ? '/exchanges/ex/nobody' : '/exchanges/ex/a.b'),
    );
    (await Promise.allSettled(sends)).forEach((result, n) => {
      if (n % 4 !== 1) assert.equal(result.status, 'fulfilled');
      else assert.ok(result.status === 'rejected' && code('no-route')(result.reason));
    });
    await assert.rejects(it.sink.send(message('x'), 'missing-queue'), code('no-route'));
    const count = await withAmqplib(
      broker.at,
      async (peer) => (await (await peer.createChannel()).checkQueue('taken')).messageCount,
    );
    assert.equal(count, 150);
  });

  it('fails what goes to a missing exchange, while all else goes on in order', async () => {
    const it = await declared([{ name: 'beside', type: 'classic' }]);
    const good: Promise<void>[] = [];
    const bad: Promise<void>[] = [];
    for (let n = 0; n < 300; n++) {
      good.push(it.sink.send(message('x', n), 'beside'));
      if (n % 30 === 0) bad.push(it.sink.send(message('x', n), '/exchanges/missing/key'));
    }
    for (const result of await Promise.allSettled(bad))
      assert.ok(result.status === 'rejected' && code('no-route')(result.reason));
    await Promise.all(good);
    assert.equal(it.status().state, 'ready');
    const intake = intakeOf(['beside']);
    await it.source.start(intake);
    await until(() => intake.taken.length >= 300, 'all have come');
    assert.deepEqual(
      intake.taken.map(({ body }) => Number(textOf(body))),
      Array.from({ length: 300 }, (_, n) => n),
    );
  });

  it('learns from one refusal how large a message may be, and sends again only what was under way then', async () => {
    const it = await declared([{ name: 'limited', type: 'classic' }]);
    const count = 400;
    const large = Buffer.alloc(1_000_001, 'y');
    const sends: Promise<void>[] = [];
    const refused: Promise<void>[] = [];
    const intake = intakeOf(['limited']);
    const round = async (): Promise<void> => {
      const first = sends.length;
      for (let n = 0; n < count; n++) sends.push(it.sink.send(message('x', first + n), 'limited'));
      for (let n = 0; n < 3; n++) refused.push(it.sink.send(message('x', 0, { body: large }), 'limited'));
      for (let n = count; n < 2 * count; n++) sends.push(it.sink.send(message('x', first + n), 'limited'));
      for (const result of await Promise.allSettled(refused.splice(0)))
        assert.ok(result.status === 'rejected' && code('too-large')(result.reason));
      await Promise.all(sends);
    };
    await round();
    await it.source.start(intake);
    const seen = () => new Set(intake.taken.map(({ body }) => Number(textOf(body))));
    await until(() => seen().size === sends.length, 'all have come');
    const twice = intake.taken.length - sends.length;
    assert.ok(twice <= count, `${twice} came again, of ${count} before the first that was too large`);
    await round();
    await until(() => seen().size === sends.length, 'all have come');
    assert.equal(intake.taken.length - sends.length, twice, 'the second time the channel stays open');
    assert.deepEqual(
      [...seen()],
      Array.from({ length: sends.length }, (_, n) => n),
    );
    await it.source.stop();
  });

  it('refuses by itself any number of messages that are too large, until there is another connection', async () => {
    const line = await new FaultProxy(broker.port).open();
    const it = await client({
      url: `amqp://127.0.0.1:${line.port}`,
      declare: { queues: [{ name: 'one-by-one', type: 'classic' }] },
      ...{ in_flight: 1, max_pending: '100GiB' },
    });
    await ready(it);
    const body = Buffer.alloc(1_000_001, 'y');
    const large = () => it.sink.send(message('x', 0, { body }), 'one-by-one');
    const byTheBroker = /PRECONDITION_FAILED - message size 1000001 is larger than/;
    await assert.rejects(large(), byTheBroker);
    const sent = it.sink.send(message('x', 'first'), 'one-by-one');
    const results = await Promise.allSettled(Array.from({ length: 20_000 }, large));
    await sent;
    for (const result of results)
      assert.match(
        String(result.status === 'rejected' && result.reason),
        /has 1000001 bytes, and RabbitMQ has refused one over 1000000 on this connection/,
      );
    line.cut();
    await until(() => it.status().state !== 'ready', 'it notices');
    await ready(it);
    await assert.rejects(large(), byTheBroker);
    await it.close();
    await line.close();
  });

  it('notices that an exchange it used is gone, without harm to others', async () => {
    const it = await declared([{ name: 'stays', type: 'classic' }], {
      exchanges: [{ name: 'goes' }],
      bindings: [{ exchange: 'goes', queue: 'stays', key: '#' }],
    });
    await it.sink.send(message('x', 'first'), '/exchanges/goes/k');
    await withAmqplib(broker.at, async (peer) => (await peer.createChannel()).deleteExchange('goes'));
    const sends = Array.from({ length: 50 }, (_, n) => it.sink.send(message('x', n), 'stays'));
    const lost = it.sink.send(message('x'), '/exchanges/goes/k');
    const more = Array.from({ length: 50 }, (_, n) => it.sink.send(message('x', 50 + n), 'stays'));
    await assert.rejects(lost, code('no-route'));
    await Promise.all([...sends, ...more]);
  });

  it('is told busy where a full queue refuses', async () => {
    const it = await declared([
      { name: 'full', type: 'classic', arguments: { 'x-max-length': 1, 'x-overflow': 'reject-publish' } },
    ]);
    await it.sink.send(message('x'), 'full');
    await assert.rejects(it.sink.send(message('x'), 'full'), code('busy'));
  });

  it('carries typed tables both ways, as another client reads and writes them', async () => {
    const it = await declared([
      { name: 'typed', type: 'classic' },
      { name: 'typed-out', type: 'classic' },
    ]);
    await withAmqplib(broker.at, async (peer) => {
      const channel = await peer.createConfirmChannel();
      const headers = {
        int64: { '!': 'int64', value: 9_007_199_254_740_993n },
        int32: { '!': 'int32', value: 5 },
        float: { '!': 'float', value: 0.5 },
        time: { '!': 'timestamp', value: 1_700_000_000 },
        bytes: Buffer.from([0, 255]),
        nested: { list: [1, 'a'] },
      };
      channel.publish('', 'typed', Buffer.from('x'), {
        headers,
        appId: 'shop',
        priority: 3,
        type: 't',
        persistent: true,
      });
      await channel.waitForConfirms();
      const intake = intakeOf(['typed'], async (envelope) => {
        await it.sink.send(envelope, 'typed-out');
        return accepted;
      });
      await it.source.start(intake);
      await until(() => intake.taken.length === 1, 'it has come');
      const header = new Map(intake.taken[0]!.headers.map(([name, value, type]) => [name, [value, type]]));
      assert.deepEqual(header.get('int64'), [9_007_199_254_740_993n, undefined]);
      assert.deepEqual(header.get('int32'), [5, 'int']);
      assert.deepEqual(header.get('float'), [0.5, 'float']);
      assert.deepEqual(header.get('time'), [1_700_000_000_000, 'timestamp']);
      const received: Message[] = [];
      await channel.consume('typed-out', (got) => void (got && received.push(got)), { noAck: true });
      await until(() => received.length === 1, 'it is forwarded');
      const { properties } = received[0]!;
      assert.deepEqual(
        { ...properties.headers },
        {
          int64: Number(9_007_199_254_740_993n),
          int32: 5,
          float: 0.5,
          time: { '!': 'timestamp', value: 1_700_000_000 },
          bytes: Buffer.from([0, 255]),
          nested: { list: [1, 'a'] },
        },
      );
      assert.equal(properties.appId, 'shop');
      assert.equal(properties.priority, 3);
      assert.equal(properties.type, 't');
      assert.equal(properties.deliveryMode, 2);
    });
  });

  it('refuses to the dead letters of a quorum queue, and reads x-death there', async () => {
    const it = await declared([
      { name: 'work', arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'dead' } },
      { name: 'dead' },
    ]);
    const intake = intakeOf(['work', 'dead'], ({ address }) =>
      address === 'work' ? { state: 'rejected', error: new JunctionError('refused', 'no') } : accepted,
    );
    await it.source.start(intake);
    await it.sink.send(message('x', 'poison'), 'work');
    await until(() => intake.taken.length === 2, 'it has come back as a dead letter');
    const dead = intake.taken[1]!;
    assert.equal(dead.address, 'dead');
    assert.equal(dead.deliveryCount, 1);
    assert.match(
      String(new Map(dead.headers.map(([n, v]) => [n, v])).get('x-death')),
      /"reason":"rejected".*"queue":"work"/s,
    );
    await it.source.stop();
  });

  it('gives back what it holds when it stops, and a quorum queue counts that', async () => {
    const it = await declared([{ name: 'held' }]);
    const first = intakeOf(['held'], () => ({
      state: 'released',
      error: new JunctionError('unavailable', 'away'),
    }));
    await it.source.start(first);
    await it.sink.send(message('x', 'again'), 'held');
    await until(() => it.status().state === 'failing', 'it says that it holds a message');
    assert.match(it.status().reason!, /away/);
    await it.source.stop();
    const other = await client();
    const second = intakeOf(['held']);
    await other.source.start(second);
    await until(() => second.taken.length === 1, 'it has come again');
    assert.equal(second.taken[0]!.deliveryCount, 1);
  });

  it('says that a queue is missing or deleted, and reads it once it is there', async () => {
    const it = await declared([{ name: 'other', type: 'classic' }]);
    const intake = intakeOf(['later', 'other']);
    await it.source.start(intake);
    await until(() => it.status().state === 'failing', 'it fails');
    assert.match(it.status().reason!, /queue "later" cannot be read: NOT_FOUND/);
    await it.sink.send(message('x', 'beside'), 'other');
    await until(() => intake.taken.length === 1, 'the other queue is read all the same');
    await withAmqplib(broker.at, async (peer) => {
      const channel = await peer.createChannel();
      await channel.assertQueue('later');
      await ready(it);
      await channel.deleteQueue('later');
      await until(() => it.status().state === 'failing', 'it fails again');
      await channel.assertQueue('later');
    });
    await ready(it);
    await it.sink.send(message('x', 'now'), 'later');
    await until(() => intake.taken.length === 2, 'it has come');
  });

  it('is given again what outlasts the broker’s patience', async () => {
    const it = await declared([{ name: 'slow', type: 'classic' }]);
    let settle: () => void = () => undefined;
    const patient = new Promise<typeof accepted>((resolve) => (settle = () => resolve(accepted)));
    const intake = intakeOf(['slow'], ({ deliveryCount }) => (deliveryCount === 0 ? patient : accepted));
    await it.source.start(intake);
    await it.sink.send(message('x', 'long'), 'slow');
    await until(() => intake.taken.length === 2, 'it has come again', 120_000);
    settle();
    await it.source.stop();
    const left = await withAmqplib(
      broker.at,
      async (peer) => (await (await peer.createChannel()).checkQueue('slow')).messageCount,
    );
    assert.equal(left, 0);
  });

  it('refuses what is larger than max_message to the dead letters', async () => {
    const it = await client({
      max_message: '1KiB',
      declare: {
        queues: [
          {
            name: 'small',
            type: 'classic',
            arguments: { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': 'large' },
          },
          { name: 'large', type: 'classic' },
        ],
      },
    });
    const intake = intakeOf(['small']);
    await it.source.start(intake);
    await it.sink.send(message('x', 'l'.repeat(300_000)), 'small');
    await it.sink.send(message('x', 'ok'), 'small');
    await until(() => intake.taken.length === 1, 'the small one has come');
    await withAmqplib(broker.at, async (peer) => {
      const channel = await peer.createChannel();
      await until(
        async () => (await channel.checkQueue('large')).messageCount === 1,
        'the large one is a dead letter',
      );
    });
  });

  it('says which declaration the broker refuses', async () => {
    await declared([{ name: 'differs', type: 'classic' }]);
    const log = keptLog();
    const it = makeClient(
      { url: `amqp://${broker.at}`, declare: { queues: [{ name: 'differs', type: 'quorum' }] } },
      log,
    );
    open.push(it);
    await it.open();
    await until(() => it.status().state === 'failing', 'it fails');
    assert.match(it.status().reason!, /refuses the declaration of queue "differs": PRECONDITION_FAILED/);
    await withAmqplib(broker.at, async (peer) => (await peer.createChannel()).deleteQueue('differs'));
    await ready(it);
    assert.equal(log.lines.filter(({ level }) => level === 'warn').length, 1);
  });

  it('speaks TLS, with a name and password or by certificate', async () => {
    const url = `amqps://localhost:${broker.tlsPort}`;
    const byPassword = await client({
      url,
      tls: { ca: certificates.ca },
      username: 'guest',
      password: 'guest',
    });
    await ready(byPassword);
    const { clientCert: cert, clientKey: key } = certificates;
    const byCertificate = await client({ url, tls: { ca: certificates.ca, cert, key } });
    await ready(byCertificate);
    const distrusting = await client({ url });
    await until(() => distrusting.status().state === 'failing', 'it does not trust the broker');
    assert.match(distrusting.status().reason!, /certificate/);
  });
});
