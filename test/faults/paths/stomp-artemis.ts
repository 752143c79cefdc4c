import { startArtemis } from '../../brokers/index.ts';
import { amqpReader, stompSender } from '../clients.ts';
import type { Path } from '../path.ts';

/** From clients of the STOMP listener to queues of Artemis, by AMQP 1.0. */
export const stompToArtemis: Path = {
  name: 'stomp-artemis',
  broker: 'artemis',
  source: 'listener',
  ends: ['SIGTERM', 'SIGKILL'],
  window: 0,
  pipelined: true,
  async start() {
    const broker = await startArtemis();
    return {
      brokers: [broker],
      line: { target: broker.port },
      prepare(run, lines, targets) {
        const queues = ['a', 'b'].slice(0, targets).map((each) => `${run}.${each}`);
        return Promise.resolve({
          endpoints: {
            stomp: { type: 'stomp', listen: `127.0.0.1:${lines.listen}` },
            artemis: {
              type: 'amqp',
              url: `amqp://127.0.0.1:${lines.broker}`,
              timeout: '3s',
              connect_timeout: '2s',
              idle_timeout: '4s',
            },
          },
          from: { endpoint: 'stomp', address: `/queue/${run}.{key}` },
          to: queues.map((address) => ({ endpoint: 'artemis', address, key: '{key}' })),
          connect: () => stompSender(lines.client, `/queue/${run}.`),
          reads: 'at the end',
          read: (address, take) => Promise.resolve(amqpReader(broker.port, `queue://${address}`, take)),
          end: () => Promise.resolve(),
        });
      },
      stop: () => broker.stop(),
    };
  },
};
