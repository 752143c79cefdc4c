import { startRocketMq } from '../../brokers/index.ts';
import { JavaClient } from '../../contract/harness/rocketmq-peer.ts';
import { until } from '../../until.ts';
import { amqpReader } from '../clients.ts';
import type { Sender } from '../load.ts';
import { poisonous, type Path } from '../path.ts';

/** Before the messages that count: a group that is new to a topic begins where the topic ends at its first reading. */
const first = 'first';

/** From topics of RocketMQ, in order of their message groups, to clients of the AMQP 1.0 listener. */
export const rocketMqToAmqp: Path = {
  name: 'rocketmq-amqp',
  broker: 'rocketmq',
  source: 'broker',
  // told to end it takes half a minute; killed, it forgets what was settled a moment ago
  ends: ['SIGKILL'],
  forgets: true,
  window: 128,
  pipelined: false,
  poison: true,
  // what was read before a crash comes back after 10 s
  width: 4,
  async start() {
    // Clients come back by the port they came by, which may be the proxy's.
    const broker = await startRocketMq({ proxy: { useEndpointPortFromRequest: true } });
    const java = await JavaClient.start();
    const sender = (topic: string): Sender => {
      let close = (): void => undefined;
      const closed = new Promise<void>((resolve) => (close = resolve));
      return {
        closed,
        close: () => close(),
        publish: (group, body) =>
          java.publish(broker.at, topic, { body, group, properties: [] }).then(
            () => 'accepted' as const,
            () => 'refused' as const,
          ),
      };
    };
    return {
      brokers: [broker],
      line: { target: broker.port },
      async prepare(run, lines, targets) {
        await broker.createTopic(run, { type: 'FIFO', queues: 2 });
        await broker.createGroup(run, { orderly: true });
        const addresses = ['a', 'b'].slice(0, targets).map((each) => `${run}.${each}`);
        const seen = new Set<string>();
        const mine = sender(run);
        let reads: Promise<void> | undefined;
        const begin = async (): Promise<void> => {
          for (let n = 0; seen.size < targets; n++) {
            await mine.publish(first, Buffer.from(`${first} ${n}`));
            await until(() => seen.size === targets, 'the group reads', 3000).catch(() => undefined);
          }
        };
        return {
          endpoints: {
            rocket: {
              type: 'rocketmq',
              brokers: [`127.0.0.1:${lines.broker}`],
              group: run,
              window: 128,
              invisible: '10s',
              timeout: '3s',
              connect_timeout: '2s',
            },
            amqp: { type: 'amqp', listen: `127.0.0.1:${lines.listen}`, idle_timeout: '4s' },
          },
          from: { endpoint: 'rocket', address: run },
          to: addresses.map((address) => ({ endpoint: 'amqp', address })),
          async connect() {
            await (reads ??= begin());
            return sender(run);
          },
          reads: 'always',
          read(address, take) {
            const reader = amqpReader(
              lines.client,
              address,
              (body) => {
                if (body.startsWith(first)) seen.add(address);
                else take(body);
              },
              poisonous,
            );
            return Promise.resolve(reader);
          },
          end: () => Promise.resolve(),
        };
      },
      async stop() {
        await java.close();
        await broker.stop();
      },
    };
  },
};
