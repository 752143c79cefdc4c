import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Source } from 'rhea';
import { JunctionError } from '../../../src/core/errors.ts';
import { startActiveMq, startArtemis, startRabbitMq, unavailable, type Broker } from '../../brokers/index.ts';
import { rejected } from '../../contract/intake.ts';
import { message, until } from '../../helpers.ts';
import { openClient, openPeer, receiveAll, sendAll } from './client-support.ts';

interface Kind {
  readonly name: 'artemis' | 'activemq' | 'rabbitmq';
  start(): Promise<Broker>;
  readonly settings: object;
  /** How a peer calls them. */
  queue(name: string): Source;
  topic(name: string): Source;
  /** Where rejected messages of a queue go; undefined where that is not set up. */
  readonly deadLetters: Source | undefined;
  /** Whether topics have durable subscriptions. */
  readonly durable: boolean;
}

const kinds: readonly Kind[] = [
  {
    name: 'artemis',
    start: () => startArtemis(),
    settings: {},
    queue: (address) => ({ address, capabilities: 'queue' }),
    topic: (address) => ({ address, capabilities: 'topic' }),
    deadLetters: undefined,
    durable: true,
  },
  {
    name: 'activemq',
    start: () => startActiveMq(),
    settings: { queue_prefix: 'queue://', topic_prefix: 'topic://', wildcards: { rest: '>' } },
    queue: (name) => ({ address: `queue://${name}` }),
    topic: (name) => ({ address: `topic://${name}` }),
    deadLetters: { address: 'queue://ActiveMQ.DLQ' },
    durable: true,
  },
  {
    name: 'rabbitmq',
    start: () => startRabbitMq({ users: [{ username: 'admin', password: 'admin' }] }),
    settings: { queue_prefix: '/queue/', topic_prefix: '/topic/' },
    queue: (name) => ({ address: `/queue/${name}` }),
    topic: (name) => ({ address: `/topic/${name}` }),
    deadLetters: undefined,
    durable: false,
  },
];

for (const kind of kinds)
  describe(`the AMQP 1.0 client at ${kind.name}`, { skip: await unavailable(kind.name) }, () => {
    let broker: Broker;
    const settings = (): object => ({
      url: `amqp://127.0.0.1:${broker.port}`,
      username: 'admin',
      password: 'admin',
      topics: ['events.#'],
      timeout: '5s',
      ...kind.settings,
    });
    before(async () => void (broker = await kind.start()));
    after(() => broker.stop());

    it('sends to a queue and receives from one', async () => {
      const peer = await openPeer(broker.port);
      const client = await openClient(settings(), ['orders']);
      await sendAll(peer, kind.queue('orders'), ['a', 'b', 'c']);
      await until(() => client.texts().length === 3, 'all have come');
      assert.deepEqual(client.texts(), ['a', 'b', 'c']);
      assert.ok(client.intake.taken.every(({ address }) => address === 'orders'));
      for (const body of ['x', 'y']) await client.endpoint.sink.send(message('orders', body), 'bills');
      const got = await receiveAll(peer, kind.queue('bills'));
      await until(() => got.length === 2, 'the peer has both');
      assert.deepEqual(got, ['x', 'y']);
    });

    it('sends to a topic and receives from one, with the address that a wildcard matched', async () => {
      const peer = await openPeer(broker.port);
      const client = await openClient(settings(), ['events.{place}.door', 'events.all']);
      const both = [
        await receiveAll(peer, kind.topic('events.out')),
        await receiveAll(peer, kind.topic('events.out')),
      ];
      await client.endpoint.sink.send(message('orders', 'tell'), 'events.out');
      await until(() => both.every((got) => got.length === 1), 'both subscribers have it');
      const other = await openClient(settings());
      await other.endpoint.sink.send(message('a', 'open'), 'events.hall.door');
      await other.endpoint.sink.send(message('a', 'plain'), 'events.all');
      await until(() => client.texts().length === 2, 'both have come');
      assert.deepEqual(client.intake.taken.map(({ address }) => address).sort(), [
        'events.all',
        'events.hall.door',
      ]);
    });

    it('refuses a message to the broker, which does not give it again', async () => {
      const peer = await openPeer(broker.port);
      const dead = kind.deadLetters && (await receiveAll(peer, kind.deadLetters));
      const client = await openClient(settings(), ['doubtful']);
      client.intake.answer = ({ body }) => (String(body) === 'bad' ? rejected : undefined);
      await sendAll(peer, kind.queue('doubtful'), ['good', 'bad', 'better']);
      await until(() => client.texts().length === 3, 'all have come');
      // released by the stop, and so kept by the broker; the refused one between them is not
      const stopped = client.endpoint.source.stop();
      client.intake.settleAll({ state: 'released', error: new JunctionError('closed', 'stopping') });
      await stopped;
      await client.endpoint.close();
      if (dead) await until(() => dead.includes('bad'), 'it is among the dead letters');
      const got = await receiveAll(peer, kind.queue('doubtful'));
      await sendAll(peer, kind.queue('doubtful'), ['last']);
      await until(() => got.includes('last'), 'the last has come');
      assert.deepEqual(got.sort(), ['better', 'good', 'last']);
    });

    if (kind.durable)
      it('keeps durable subscriptions while it is away', async () => {
        const peer = await openPeer(broker.port);
        const own = { ...settings(), container_id: `durable-${kind.name}`, subscription: 'audit' };
        const first = await openClient(own, ['events.paid']);
        await first.endpoint.source.stop();
        await first.endpoint.close();
        await sendAll(peer, kind.topic('events.paid'), ['1', '2', '3']);
        const again = await openClient(own, ['events.paid']);
        await until(() => again.texts().length === 3, 'what was published meanwhile has come');
        assert.deepEqual(again.texts(), ['1', '2', '3']);
      });

    if (kind.name === 'artemis')
      it('shares a subscription between two gateways', async () => {
        const peer = await openPeer(broker.port);
        const shared = { ...settings(), subscription: 'workers', shared: true, window: 5 };
        const both = [await openClient(shared, ['events.work']), await openClient(shared, ['events.work'])];
        const bodies = Array.from({ length: 40 }, (_, n) => String(n));
        await sendAll(peer, kind.topic('events.work'), bodies);
        await until(() => both.flatMap((each) => each.texts()).length >= 40, 'all have come');
        assert.deepEqual(both.flatMap((each) => each.texts()).sort(), bodies.sort());
        assert.ok(
          both.every((each) => each.texts().length > 0),
          'one of them got nothing',
        );
      });

    if (kind.name !== 'rabbitmq')
      it('takes only what its selector matches', async () => {
        const client = await openClient({ ...settings(), selector: "colour = 'red'" }, ['painted']);
        for (const colour of ['blue', 'red', 'green'])
          await client.endpoint.sink.send(message('a', colour, { headers: [['colour', colour]] }), 'painted');
        await until(() => client.texts().length === 1, 'the red one has come');
        assert.deepEqual(client.texts(), ['red']);
      });

    if (kind.name === 'rabbitmq')
      it('fails only the messages to an address that the broker refuses', async () => {
        const client = await openClient({ ...settings(), queue_prefix: '' });
        const [closed, there] = ['/exchange/none/x', '/queue/open.shop'];
        const sent = Array.from({ length: 20 }, (_, n) => n).flatMap((n) => [
          client.endpoint.sink.send(message('a', n), closed).then(
            () => 'sent',
            (error: unknown) => (error as JunctionError).code,
          ),
          client.endpoint.sink.send(message('a', n), there).then(() => 'sent'),
        ]);
        const answers = await Promise.all(sent);
        assert.deepEqual(new Set(answers.filter((_, n) => n % 2 === 0)), new Set(['no-route']));
        assert.deepEqual(new Set(answers.filter((_, n) => n % 2 === 1)), new Set(['sent']));
        assert.equal(client.endpoint.status().state, 'ready');
      });

    it('says that its credentials are wrong, without telling them, once', async () => {
      const wrong = { ...settings(), password: 'not-the-secret' };
      const client = await openClient(wrong, ['orders'], 'failing');
      assert.match(client.endpoint.status().reason!, /credentials|unauthori[sz]ed|not valid|denied|refused/i);
      await until(() => client.log.lines.length > 0, 'it is logged');
      await assert.rejects(client.endpoint.sink.send(message('a'), 'orders'), { code: 'unavailable' });
      assert.equal(client.log.lines.length, 1, JSON.stringify(client.log.lines));
      assert.doesNotMatch(JSON.stringify([client.log.lines, client.endpoint.status()]), /not-the-secret/);
    });
  });
