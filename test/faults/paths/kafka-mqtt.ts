import mqtt, { type IClientOptions } from 'mqtt';
import { freePort, startKafka, startMosquitto } from '../../brokers/index.ts';
import { kafkaClients } from '../kafka.ts';
import { poisonous, type Path } from '../path.ts';

/** From topics of Kafka to Mosquitto, where a session keeps what comes until it is read. */
export const kafkaToMqtt: Path = {
  name: 'kafka-mqtt',
  broker: 'kafka',
  source: 'broker',
  ends: ['SIGTERM'],
  window: 512,
  pipelined: false,
  poison: true,
  async start() {
    const [target, port] = [await freePort(), await freePort()];
    const broker = await startKafka({
      also: [{ name: 'LINE', port: target, advertised: port, protocol: 'PLAINTEXT' }],
    });
    const mosquitto = await startMosquitto({
      config: ['max_queued_messages 100000', `max_packet_size ${poisonous}`],
    });
    const clients = kafkaClients(broker);
    const connect = (own: IClientOptions) =>
      mqtt.connect({
        host: '127.0.0.1',
        port: mosquitto.port,
        protocolVersion: 5,
        reconnectPeriod: 0,
        ...own,
      });
    return {
      brokers: [broker, mosquitto],
      line: { target, port },
      other: mosquitto.port,
      async prepare(run, lines, targets, random) {
        await clients.createTopics([run], random() < 0.5 ? 1 : 3);
        const topics = ['a', 'b'].slice(0, targets).map((each) => `${run}/${each}`);
        const session = (topic: string): IClientOptions => ({
          clientId: topic,
          clean: false,
          properties: { sessionExpiryInterval: 3600 },
        });
        for (const topic of topics) {
          const client = connect(session(topic));
          await client.subscribeAsync(topic, { qos: 1 });
          await client.endAsync();
        }
        return {
          endpoints: {
            kafka: {
              type: 'kafka',
              brokers: [`127.0.0.1:${lines.broker}`],
              group: run,
              timeout: '3s',
              session_timeout: '6s',
            },
            mosquitto: {
              type: 'mqtt',
              url: `mqtt://127.0.0.1:${lines.client}`,
              client_id: run,
              timeout: '3s',
              connect_timeout: '2s',
              keep_alive: '2s',
            },
          },
          from: { endpoint: 'kafka', address: run },
          to: topics.map((address) => ({ endpoint: 'mosquitto', address })),
          connect: () => Promise.resolve(clients.sender(run)),
          reads: 'at the end',
          read(topic, take) {
            const client = connect(session(topic));
            client.on('message', (_topic, body) => take(body.toString()));
            return Promise.resolve({ close: () => client.endAsync() });
          },
          async end() {
            await clients.deleteTopics([run]);
            for (const topic of topics) {
              const client = connect({ clientId: topic, clean: true });
              await new Promise((resolve) => client.once('connect', resolve).once('error', resolve));
              await client.endAsync();
            }
          },
        };
      },
      async stop() {
        await clients.close();
        await mosquitto.stop();
        await broker.stop();
      },
    };
  },
};
