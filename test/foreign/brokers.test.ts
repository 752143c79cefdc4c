import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import type { Inbox, Peer } from '../contract/contract.ts';
import { startGateway, type RunningGateway } from '../e2e/gateway.ts';
import { activeMq, artemis, kafkaBroker, mosquitto, rabbitMq, rocketMq } from '../interop/brokers.ts';
import { until } from '../until.ts';
import { correspondents, type Correspondent, type Letter } from './brokers/correspondents.ts';

const brokers = [mosquitto, kafkaBroker, rabbitMq, artemis, activeMq, rocketMq];
const skip = brokers.map(({ unavailable }) => unavailable).find((why) => why !== false) ?? false;

/** A correspondent's name in addresses. */
const wordOf = ({ name }: Correspondent): string => name.replace(/[^A-Za-z].*/, '').toLowerCase();
const words = correspondents.map((each, n) => `${wordOf(each)}${n}`);
const listeners = ['mqtt', 'amqp', 'stomp'] as const;
const addressAt = {
  mqtt: (...parts: string[]) => parts.join('/'),
  amqp: (...parts: string[]) => parts.join('.'),
  stomp: (...parts: string[]) => `/queue/${parts.join('.')}`,
};
const endpointOf = (broker: (typeof brokers)[number]): string => `${broker.name}-broker`;

/** Every listener to every broker, and every broker to every client. */
const routes = brokers.flatMap((broker) => [
  ...listeners.map((listener) => ({
    name: `${listener}-to-${broker.name}`,
    from: { endpoint: listener, address: addressAt[listener]('requests', broker.name) },
    to: [{ endpoint: endpointOf(broker), address: broker.address('requests') }],
  })),
  ...correspondents.map(({ listener }, n) => ({
    name: `${broker.name}-to-${words[n]}`,
    from: { endpoint: endpointOf(broker), address: broker.address(words[n]!) },
    to: [{ endpoint: listener, address: addressAt[listener]('answers', words[n]!, broker.name) }],
  })),
]);

describe('clients in their own languages, at every broker through one gateway', { skip }, () => {
  let folder: string;
  let gateway: RunningGateway;
  const peers = new Map<string, Peer>();
  const requests = new Map<string, Inbox>();

  before(
    async () => {
      folder = await mkdtemp(join(tmpdir(), 'junction-foreign-'));
      await Promise.all(
        brokers.map((broker) => broker.start(['requests', ...words].map((word) => broker.address(word)))),
      );
      const endpoints = Object.fromEntries([
        ...listeners.map((type) => [type, { type, listen: '127.0.0.1:0' }] as const),
        ...brokers.map((broker) => [endpointOf(broker), broker.settings()] as const),
      ]);
      await writeFile(
        join(folder, 'junction.yaml'),
        stringify({ endpoints, routes: ['routes.yaml'], admin: { listen: '127.0.0.1:0' } }),
      );
      await writeFile(join(folder, 'routes.yaml'), stringify({ routes }));
      gateway = await startGateway({ config: join(folder, 'junction.yaml') });
      const ready = `http://127.0.0.1:${gateway.port('admin')}/readyz`;
      await until(async () => (await fetch(ready)).ok, 'the gateway is ready', 90_000);
      for (const broker of brokers) {
        const peer = await broker.connect(0);
        peers.set(broker.name, peer);
        requests.set(broker.name, await peer.subscribe(broker.address('requests')));
      }
    },
    { timeout: 240_000 },
  );
  after(async () => {
    for (const peer of peers.values()) await peer.close();
    const code = await gateway?.stop();
    for (const broker of brokers) await broker.stop();
    await rm(folder, { recursive: true });
    assert.equal(code, 0);
  });

  for (const [n, correspondent] of correspondents.entries())
    it(
      `${correspondent.name} and every broker write to each other by ${correspondent.listener}`,
      { skip: correspondent.unavailable, timeout: 180_000 },
      async () => {
        const { listener } = correspondent;
        const at = addressAt[listener];
        const letters = brokers.map(({ name }) => letter(words[n]!, name, at));
        const corresponding = correspondent.correspond(gateway.port(listener), letters);
        const answering = Promise.all(
          brokers.map(async (broker) => {
            const { messages } = requests.get(broker.name)!;
            const { message } = letters.find((each) => each.broker === broker.name)!;
            const mine = () => messages.find(({ correlationId }) => correlationId === message.correlationId);
            await until(() => mine() !== undefined, `${broker.title} has the request`, 60_000);
            const { body, replyTo, headers } = mine()!;
            assert.deepEqual(body, message.body, broker.title);
            assert.equal(replyTo, message.replyTo, broker.title);
            assert.equal(new Map(headers).get('place'), message.place, broker.title);
            const told = await peers.get(broker.name)!.publish(broker.address(words[n]!), answerTo(message));
            assert.equal(told, 'accepted', broker.title);
          }),
        );
        const [answers] = await Promise.all([corresponding, answering]);
        for (const { broker, message } of letters) {
          const { headers, ...fields } = answerTo(message);
          assert.deepEqual(answers.get(broker), { ...fields, place: headers[0][1] }, broker);
        }
      },
    );
});

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, n) => n));

function letter(client: string, broker: string, at: (...parts: string[]) => string): Letter {
  return {
    broker,
    address: at('requests', broker),
    answers: at('answers', client, broker),
    message: {
      body: Buffer.concat([everyByte, Buffer.from(`${client} to ${broker}`)]),
      correlationId: `${client}-${broker}-4711`,
      replyTo: at('answers', client, broker),
      place: 'Zürich, 東京: 🚚',
    },
  };
}

const answerTo = ({ body, correlationId, replyTo }: Letter['message']) => ({
  body: Buffer.from(body).reverse(),
  correlationId: `re-${correlationId}`,
  replyTo,
  headers: [['place', 'São Paulo; "Łódź"']] as const,
});
