import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  freePort,
  startActiveMq,
  startArtemis,
  startKafka,
  startRabbitMq,
  unavailable,
  type Broker,
} from '../../brokers/index.ts';
import type { Peer } from '../../contract/contract.ts';
import { connectActiveMq } from '../../contract/harness/amqp-client.ts';
import { connectKafka, createTopics } from '../../contract/harness/kafka.ts';
import { connectRabbitMq } from '../../contract/harness/rabbitmq.ts';
import { connectStompJs } from '../../contract/harness/stomp-js.ts';
import { stranger, type RunningStage, type Stage } from './stage.ts';

/** Messages under way at one time, in either direction. */
export const inFlight = 100;
const windows = { window: inFlight, in_flight: inFlight };

type Parts = Pick<RunningStage, 'broker' | 'settings' | 'stranger' | 'addresses' | 'admit'> & {
  readonly logins?: number;
  readonly connect: () => Promise<Peer>;
};

/** A stage whose clients are the peers of the contract tests; each reading is a connection of its own. */
function withPeers({ logins = 1, connect, ...parts }: Parts): RunningStage {
  let publisher: Promise<Peer> | undefined;
  return {
    ...parts,
    logins,
    async publish(body) {
      await (await (publisher ??= connect())).publish(parts.addresses.source, { body: Buffer.from(body) });
    },
    async read() {
      const peer = await connect();
      const { messages } = await peer.subscribe(parts.addresses.target);
      return { messages, close: () => peer.close() };
    },
    async stop() {
      await (await publisher)?.close();
      await parts.broker.stop();
    },
  };
}

/** Changes a file of the broker, which reads it at its start. */
async function edit(broker: Broker, file: string, change: (text: string) => string): Promise<void> {
  const path = join(broker.folder, file);
  await writeFile(path, change(await readFile(path, 'utf8')));
  await broker.restart('SIGKILL');
}

const dotted = { target: 'outage.target', source: 'outage.source' };

export const kafka: Stage = {
  name: 'Kafka',
  refusal: /authentication/i,
  unavailable: await unavailable('kafka'),
  ends: { asTarget: 'SIGKILL', asSource: 'SIGTERM' },
  async start() {
    const guarded = await freePort();
    const users = 'listener.name.guarded.plain.sasl.jaas.config=';
    const login = `${users}org.apache.kafka.common.security.plain.PlainLoginModule required`;
    const broker = await startKafka({
      also: [{ name: 'GUARDED', port: guarded, protocol: 'SASL_PLAINTEXT' }],
      properties: ['sasl.enabled.mechanisms=PLAIN', `${login} user_someone="else";`],
    });
    await createTopics(broker, Object.values(dotted));
    const settings = { type: 'kafka', brokers: [broker.at], window: inFlight, session_timeout: '6s' };
    return withPeers({
      broker,
      settings,
      stranger: {
        ...settings,
        brokers: [`127.0.0.1:${guarded}`],
        sasl: { mechanism: 'plain', ...stranger },
      },
      addresses: dotted,
      connect: () => connectKafka(broker),
      admit: () =>
        edit(broker, 'server.properties', (text) =>
          text.replace('user_someone="else"', `user_${stranger.username}="${stranger.password}"`),
        ),
    });
  },
};

export const rabbitMq: Stage = {
  name: 'RabbitMQ, AMQP 0-9-1',
  refusal: /ACCESS_REFUSED/,
  unavailable: await unavailable('rabbitmq'),
  // killed, it forgets acknowledgements that it has not yet written
  ends: { asTarget: 'SIGKILL', asSource: 'SIGTERM' },
  async start() {
    const broker = await startRabbitMq({ plugins: [] });
    const queues = Object.values(dotted).map((name) => ({ name, type: 'classic' }));
    const settings = { type: 'rabbitmq', url: `amqp://${broker.at}`, ...windows };
    return withPeers({
      broker,
      settings: { ...settings, declare: { queues } },
      stranger: { ...settings, ...stranger },
      addresses: dotted,
      connect: () => connectRabbitMq(broker),
      admit: () => edit(broker, 'definitions.json', withUser),
    });
  },
};

function withUser(text: string): string {
  const definitions = JSON.parse(text) as { users: object[]; permissions: object[] };
  definitions.users.push({ name: stranger.username, password: stranger.password, tags: '' });
  definitions.permissions.push({ ...definitions.permissions[0]!, user: stranger.username });
  return JSON.stringify(definitions);
}

export const artemis: Stage = {
  name: 'ActiveMQ Artemis, AMQP 1.0',
  refusal: /credentials were refused/,
  unavailable: await unavailable('artemis'),
  ends: { asTarget: 'SIGKILL', asSource: 'SIGTERM' },
  async start() {
    const broker = await startArtemis();
    const settings = { type: 'amqp', url: `amqp://${broker.at}`, ...windows };
    return withPeers({
      broker,
      settings,
      stranger: { ...settings, ...stranger },
      addresses: dotted,
      connect: () => connectActiveMq(broker, true),
      async admit() {
        await writeFile(join(broker.folder, 'etc/roles.properties'), `all = admin,${stranger.username}`);
        await edit(
          broker,
          'etc/users.properties',
          (text) => `${text}\n${stranger.username} = ${stranger.password}\n`,
        );
      },
    });
  },
};

export const activeMq: Stage = {
  name: 'ActiveMQ Classic, STOMP',
  refusal: /password is invalid/,
  unavailable: await unavailable('activemq'),
  ends: { asTarget: 'SIGKILL', asSource: 'SIGTERM' },
  async start() {
    const broker = await startActiveMq();
    const settings = { type: 'stomp', url: `stomp://127.0.0.1:${broker.stompPort}`, ...windows };
    const user = `<authenticationUser username="${stranger.username}" password="${stranger.password}" groups="users"/>`;
    return withPeers({
      broker,
      settings,
      stranger: { ...settings, ...stranger },
      addresses: { target: '/queue/outage.target', source: '/queue/outage.source' },
      connect: () => connectStompJs(broker.stompPort),
      admit: () => edit(broker, 'conf/activemq.xml', (text) => text.replace('<users>', `<users>${user}`)),
    });
  },
};
