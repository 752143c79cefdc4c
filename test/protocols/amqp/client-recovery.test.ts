import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startArtemis, unavailable, type Broker } from '../../brokers/index.ts';
import { message, until } from '../../helpers.ts';
import { openClient, openPeer, receiveAll, sendAll } from './client-support.ts';

const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));
/** Without what came a second time. */
const once = (bodies: readonly string[]): string[] => [...new Set(bodies)];

describe(
  'the AMQP 1.0 client, when its broker goes and comes back',
  { skip: await unavailable('artemis') },
  () => {
    let broker: Broker;
    before(async () => void (broker = await startArtemis()));
    after(() => broker.stop());
    const settings = (over: object = {}) => ({
      url: `amqp://127.0.0.1:${broker.port}`,
      timeout: '60s',
      ...over,
    });

    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      it(`sends each message at least once, over ${signal}`, { timeout: 120_000 }, async () => {
        const client = await openClient(settings({ in_flight: 100 }));
        const bodies = numbers(3000);
        let confirmed = 0;
        const sending = bodies.map((body) =>
          client.endpoint.sink.send(message('a', body), `sent.${signal}`).then(() => void confirmed++),
        );
        await until(() => confirmed > 300, 'some are confirmed');
        await broker.kill(signal);
        assert.ok(confirmed < bodies.length, 'the broker was stopped too late');
        await broker.start();
        await Promise.all(sending);
        const peer = await openPeer(broker.port);
        const got = await receiveAll(peer, { address: `sent.${signal}`, capabilities: 'queue' });
        await until(() => once(got).length === bodies.length, 'all have come');
        assert.ok(got.length <= bodies.length + 100, `${got.length - bodies.length} came twice`);
        assert.deepEqual(once(got), bodies, 'in their order');
        assert.equal(client.endpoint.status().state, 'ready');
      });

      it(`receives each message at least once, over ${signal}`, { timeout: 120_000 }, async () => {
        const bodies = numbers(3000);
        const queue = { address: `read.${signal}`, capabilities: 'queue' };
        await sendAll(await openPeer(broker.port), queue, bodies);
        const client = await openClient(settings({ window: 50 }), [`read.${signal}`]);
        await until(() => client.texts().length > 300, 'some have come');
        await broker.kill(signal);
        assert.ok(client.texts().length < bodies.length, 'the broker was stopped too late');
        await broker.start();
        await until(() => once(client.texts()).length === bodies.length, 'all have come', 60_000);
        const twice = client.texts().length - bodies.length;
        assert.ok(twice <= 50 * 2, `${twice} came twice`);
        await client.endpoint.source.stop();
        await client.endpoint.close();
        const left = await openClient(settings(), [`read.${signal}`]);
        await left.endpoint.sink.send(message('a', 'last'), `read.${signal}`);
        await until(() => left.texts().includes('last'), 'what follows comes');
        assert.deepEqual(left.texts(), ['last'], 'nothing was left unsettled');
      });
    }
  },
);
