import { freePort, startKafka } from '../../brokers/index.ts';
import { mqttSender } from '../clients.ts';
import { kafkaClients } from '../kafka.ts';
import { poisonous, type Path } from '../path.ts';

/** From clients of the MQTT listener to topics of Kafka, by key. */
export const mqttToKafka: Path = {
  name: 'mqtt-kafka',
  broker: 'kafka',
  source: 'listener',
  ends: ['SIGTERM', 'SIGKILL'],
  recognises: true,
  window: 0,
  pipelined: true,
  poison: true,
  async start() {
    const [target, port] = [await freePort(), await freePort()];
    const broker = await startKafka({
      also: [{ name: 'LINE', port: target, advertised: port, protocol: 'PLAINTEXT' }],
    });
    const clients = kafkaClients(broker);
    return {
      brokers: [broker],
      line: { target, port },
      async prepare(run, lines, targets, random) {
        const version = random() < 0.7 ? 5 : 4;
        const qos = random() < 0.7 ? 1 : 2;
        const topics = ['a', 'b'].slice(0, targets).map((each) => `${run}-${each}`);
        await clients.createTopics(topics, random() < 0.5 ? 1 : 3);
        return {
          endpoints: {
            mqtt: { type: 'mqtt', listen: `127.0.0.1:${lines.listen}` },
            kafka: {
              type: 'kafka',
              brokers: [`127.0.0.1:${lines.broker}`],
              timeout: '3s',
              max_message: `${poisonous}B`,
            },
          },
          from: { endpoint: 'mqtt', address: `${run}/{key}` },
          to: topics.map((address) => ({ endpoint: 'kafka', address, key: '{key}' })),
          connect: () => mqttSender(lines.client, version, qos, `${run}/`),
          reads: 'at the end',
          read: (address, take) => clients.read(address, take),
          end: () => clients.deleteTopics(topics),
        };
      },
      async stop() {
        await clients.close();
        await broker.stop();
      },
    };
  },
};
