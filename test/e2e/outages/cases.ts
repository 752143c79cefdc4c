import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { EndpointStatus } from '../../../src/core/protocol.ts';
import { connectAmqp } from '../../contract/harness/amqp.ts';
import { connectMqtt } from '../../contract/harness/mqtt-peer.ts';
import { until } from '../../helpers.ts';
import { startGateway, type RunningGateway } from '../gateway.ts';
import { consume, numbers, publishAll } from './load.ts';
import { stranger, type RunningStage, type Stage } from './stage.ts';
import { inFlight } from './stages.ts';

const patience = 120_000;
const count = 3000;

/** The whole gateway: both listeners to the broker, and the broker to a listener. */
const configurationOf = ({ settings, stranger }: RunningStage) => ({
  endpoints: {
    mqtt: { type: 'mqtt', listen: '127.0.0.1:0' },
    amqp: { type: 'amqp', listen: '127.0.0.1:0' },
    broker: settings,
    stranger,
  },
  routes: ['routes.yaml'],
  admin: { listen: '127.0.0.1:0' },
});
const routesOf = ({ addresses: { target, source } }: RunningStage) => [
  {
    name: 'mqtt-to-broker',
    from: { endpoint: 'mqtt', address: 'outage/numbers' },
    to: [{ endpoint: 'broker', address: target }],
  },
  {
    name: 'amqp-to-broker',
    from: { endpoint: 'amqp', address: 'outage.numbers' },
    to: [{ endpoint: 'broker', address: target }],
  },
  {
    name: 'broker-to-amqp',
    from: { endpoint: 'broker', address: source },
    to: [{ endpoint: 'amqp', address: 'outage.taken' }],
  },
];

/** What a gateway must survive of one broker; a file for each, so that they run beside each other. */
export function testOutages(stage: Stage): void {
  describe(`a gateway whose ${stage.name} goes and comes back`, { skip: stage.unavailable }, () => {
    let running: RunningStage;
    let gateway: RunningGateway;
    let folder: string;
    let reason: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'junction-outages-'));
      running = await stage.start();
      await writeFile(join(folder, 'routes.yaml'), stringify({ routes: routesOf(running) }));
      await writeFile(
        join(folder, 'junction.yaml'),
        stringify(configurationOf(running), { aliasDuplicateObjects: false }),
      );
      gateway = await startGateway({ config: join(folder, 'junction.yaml') });
      await isReady();
    });
    after(async () => {
      const code = await gateway?.stop();
      await running?.stop();
      await rm(folder, { recursive: true });
      assert.equal(code, 0);
    });

    const admin = () => fetch(`http://127.0.0.1:${gateway.port('admin')}/readyz`);
    const statusOf = async (endpoint: string): Promise<EndpointStatus> => {
      const { endpoints } = (await (await admin()).json()) as { endpoints: Record<string, EndpointStatus> };
      return endpoints[endpoint]!;
    };
    const is = (endpoint: string, state: string) =>
      until(
        async () => (await statusOf(endpoint)).state === state,
        `endpoint ${endpoint} is ${state}`,
        patience,
      );
    const isReady = () => is('broker', 'ready');

    const senders = [
      async () => ({ peer: await connectMqtt(gateway.port('mqtt'), 5), address: 'outage/numbers' }),
      async () => ({ peer: await connectAmqp(gateway.port('amqp'), true), address: 'outage.numbers' }),
    ];

    /** Publishes numbered messages through both listeners while the broker has an outage, and reads them back. */
    async function asTarget(prefix: string, outage: () => Promise<void>): Promise<void> {
      const bodies = numbers(prefix, count);
      const accepted = new Set<string>();
      const publishing = publishAll(bodies, inFlight / senders.length, senders, accepted);
      await until(() => accepted.size > count / 4, 'a quarter is acknowledged', patience);
      await outage();
      await publishing;
      await isReady();
      await publishAll([`${prefix}-end`], 1, senders.slice(1), new Set());
      const reading = await running.read();
      const read = () => reading.messages.map(({ body }) => String(body)).filter((b) => b.startsWith(prefix));
      const missing = () => {
        const all = new Set(read());
        return [...accepted, `${prefix}-end`].filter((body) => !all.has(body)).length;
      };
      await until(() => missing() === 0, 'the broker holds all that was acknowledged', patience);
      const twice = read().length - count - 1;
      await reading.close();
      assert.ok(twice <= inFlight, `${twice} came twice, more than may be under way`);
    }

    it('says clearly that it is not let in', { timeout: 200_000 }, async () => {
      await is('stranger', 'failing');
      reason = (await statusOf('stranger')).reason!;
      assert.match(reason, stage.refusal);
      assert.equal((await admin()).status, 503);
    });

    const { ends } = stage;
    it(`loses nothing it has acknowledged over ${ends.asTarget}`, { timeout: 200_000 }, () =>
      asTarget('gone', async () => {
        await running.broker.kill(ends.asTarget);
        await is('broker', 'failing');
        await running.broker.start();
      }),
    );

    it('loses nothing it has acknowledged when the broker stands still for 5 s', { timeout: 200_000 }, () =>
      asTarget('still', async () => {
        running.broker.signal('SIGSTOP');
        try {
          await pause(5000); // this long the connection stands and nobody answers
        } finally {
          running.broker.signal('SIGCONT');
        }
      }),
    );

    it(`carries on all that the broker has, over ${ends.asSource}`, { timeout: 200_000 }, async () => {
      const bodies = numbers('from', count);
      const open = [...bodies];
      const publisher = async (): Promise<void> => {
        for (let body = open.shift(); body !== undefined; body = open.shift()) await running.publish(body);
      };
      await Promise.all(Array.from({ length: 50 }, publisher));
      // no consumer until now: the broker has all but what the gateway holds
      const consumer = await consume(gateway.port('amqp'), 'outage.taken', 20);
      await until(() => consumer.bodies.length > count / 4, 'a quarter has come', patience);
      await running.broker.kill(ends.asSource);
      const before = consumer.bodies.length;
      assert.ok(before < count, 'the broker was stopped too late');
      await is('broker', 'failing');
      await running.broker.start();
      const seen = () => new Set(consumer.bodies);
      await until(() => seen().size === count, 'all have come', patience);
      const twice = consumer.bodies.length - count;
      await consumer.close();
      const most = stage.forgets ? before + inFlight : inFlight;
      assert.ok(twice <= most, `${twice} came twice, more than ${most}`);
      await isReady();
    });

    it('has said once that it is not let in, and is let in when it may', { timeout: 200_000 }, async () => {
      const about = () =>
        gateway
          .output()
          .split('\n')
          .filter((line) => line.includes('"endpoint":"stranger"'));
      assert.equal(about().filter((line) => line.includes('"level":40')).length, running.logins);
      await running.admit();
      await is('stranger', 'ready');
      await until(async () => (await admin()).ok, 'the gateway is ready', patience);
      const told = gateway.output() + (await (await admin()).text()) + reason;
      assert.ok(!told.includes(stranger.password), 'the password is told');
    });
  });
}
