import amqplib from 'amqplib';
import { quorumQueuesWritten, startRabbitMq } from '../../brokers/index.ts';
import { amqpSender } from '../clients.ts';
import { poisonous, type Path } from '../path.ts';

/** From clients of the AMQP 1.0 listener to queues of RabbitMQ, by AMQP 0-9-1. */
export const amqpToRabbitMq: Path = {
  name: 'amqp-rabbitmq',
  broker: 'rabbitmq',
  source: 'listener',
  ends: ['SIGTERM', 'SIGKILL'],
  window: 0,
  pipelined: true,
  poison: 'again',
  async start() {
    const broker = await startRabbitMq({ plugins: [], config: [`max_message_size = ${poisonous}`] });
    const connect = async () => {
      const connection = await amqplib.connect(`amqp://${broker.at}`);
      connection.on('error', () => undefined); // it is closed then, and what is missing is told
      return connection;
    };
    /** Before the gateway declares them, since the broker must not end before they are on its disk. */
    const makeQuorumQueues = async (queues: readonly string[]): Promise<void> => {
      const connection = await connect();
      const channel = await connection.createChannel();
      for (const queue of queues)
        await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
      await connection.close();
      await quorumQueuesWritten(broker, queues);
    };
    return {
      brokers: [broker],
      line: { target: broker.port },
      async prepare(run, lines, targets, random) {
        const queues = ['a', 'b'].slice(0, targets).map((each) => `${run}-${each}`);
        const type = random() < 0.7 ? 'classic' : 'quorum';
        if (type === 'quorum') await makeQuorumQueues(queues);
        return {
          endpoints: {
            amqp: { type: 'amqp', listen: `127.0.0.1:${lines.listen}` },
            rabbit: {
              type: 'rabbitmq',
              url: `amqp://127.0.0.1:${lines.broker}`,
              timeout: '3s',
              connect_timeout: '2s',
              heartbeat: '2s',
              declare: { queues: queues.map((name) => ({ name, type })) },
            },
          },
          from: { endpoint: 'amqp', address: `${run}.{key}` },
          to: queues.map((address) => ({ endpoint: 'rabbit', address, key: '{key}' })),
          connect: () => amqpSender(lines.client, `${run}.`),
          reads: 'at the end',
          async read(address, take) {
            const connection = await connect();
            const channel = await connection.createChannel();
            await channel.consume(address, (message) => message && take(message.content.toString()), {
              noAck: true,
            });
            return { close: () => connection.close() };
          },
          async end() {
            const connection = await connect();
            const channel = await connection.createChannel();
            for (const queue of queues) await channel.deleteQueue(queue);
            await connection.close();
          },
        };
      },
      stop: () => broker.stop(),
    };
  },
};
