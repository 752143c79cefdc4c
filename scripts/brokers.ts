// npm run brokers [-- name…]: real brokers on loopback until Ctrl-C, for whoever wants to try a route by hand.
// npm run brokers -- --fetch [name…]: downloads only; fails where one of them cannot run on this machine.
import { once } from 'node:events';
import {
  brokerNames,
  missing,
  startActiveMq,
  startArtemis,
  startKafka,
  startMosquitto,
  startRabbitMq,
  startRocketMq,
  type Broker,
  type BrokerName,
} from '../test/brokers/index.ts';

interface Running {
  readonly broker: Broker;
  /** Where its clients connect to, and as whom. */
  readonly lines: readonly string[];
}

const starts: Readonly<Record<BrokerName, () => Promise<Running>>> = {
  mosquitto: async () => {
    const broker = await startMosquitto();
    return { broker, lines: [`mqtt://${broker.at}`] };
  },
  rabbitmq: async () => {
    const broker = await startRabbitMq();
    return {
      broker,
      lines: [
        `amqp://guest:guest@${broker.at}  (AMQP 0-9-1 and 1.0)`,
        `mqtt://127.0.0.1:${broker.mqttPort}`,
        `stomp://guest:guest@127.0.0.1:${broker.stompPort}`,
      ],
    };
  },
  kafka: async () => {
    const broker = await startKafka();
    return { broker, lines: [broker.at] };
  },
  artemis: async () => {
    const broker = await startArtemis();
    return {
      broker,
      lines: [...urls(broker), `tcp://127.0.0.1:${broker.corePort}  (its own protocol)`],
    };
  },
  activemq: async () => {
    const broker = await startActiveMq();
    return { broker, lines: [...urls(broker), `tcp://127.0.0.1:${broker.openWirePort}  (OpenWire)`] };
  },
  rocketmq: async () => {
    const broker = await startRocketMq();
    await broker.createTopic('orders');
    await broker.createTopic('orders-fifo', { type: 'FIFO' });
    await broker.createTopic('orders-delay', { type: 'DELAY' });
    return { broker, lines: [`${broker.at}  (gRPC; topics orders, orders-fifo, orders-delay)`] };
  },
};

const urls = (broker: Broker & { readonly mqttPort: number; readonly stompPort: number }): string[] => [
  `amqp://admin:admin@${broker.at}  (AMQP 1.0; also without credentials)`,
  `mqtt://127.0.0.1:${broker.mqttPort}`,
  `stomp://admin:admin@127.0.0.1:${broker.stompPort}`,
];

const words = process.argv.slice(2);
const fetchOnly = words.includes('--fetch');
const named = words.filter((word) => word !== '--fetch');
const unknown = named.filter((name) => !brokerNames.some((known) => known === name));
if (unknown.length > 0) {
  console.error(`no such broker: ${unknown.join(', ')}; there are ${brokerNames.join(', ')}`);
  process.exit(2);
}
const wanted = brokerNames.filter((name) => named.length === 0 || named.includes(name));

/** Prints a broker's name before its first line, and the others below it. */
const print = (name: string, lines: readonly string[]): void =>
  lines.forEach((line, row) => console.log(`${(row === 0 ? name : '').padEnd(12)}${line}`));

const running: Broker[] = [];
const stop = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
let stopping = false;
void stop.then(() => (stopping = true));
try {
  for (const name of wanted) {
    const reason = await missing(name);
    if (reason !== undefined) {
      print(name, [`left out: ${reason.split('\n', 1)[0]}`]);
      if (fetchOnly || named.includes(name)) process.exitCode = 1;
    } else if (fetchOnly) {
      print(name, ['is here']);
    } else if (!stopping) {
      const { broker, lines } = await starts[name]();
      running.push(broker);
      print(name, lines);
    }
  }
  if (running.length > 0 && !stopping) {
    console.log('\nCtrl-C ends them and removes their data.');
    const keepAlive = setInterval(() => undefined, 60_000);
    await stop;
    clearInterval(keepAlive);
  }
} catch (error) {
  if (!stopping) throw error; // else Ctrl-C has ended the one that was starting
} finally {
  await Promise.all(running.map((broker) => broker.stop()));
}
