import { startRocketMq, unavailable } from '../../brokers/index.ts';
import { JavaClient } from '../../contract/harness/rocketmq-peer.ts';
import { until } from '../../until.ts';
import { stranger, type Stage } from './stage.ts';
import { inFlight } from './stages.ts';

const addresses = { target: 'outage-target', source: 'outage-source' };
const group = 'outage-readers';
const owner = { username: 'owner', password: 'of-everything' };

export const rocketMq: Stage = {
  name: 'RocketMQ 5',
  refusal: /check signature failed/,
  unavailable: await unavailable('rocketmq'),
  // told to end it takes half a minute; killed, it forgets acknowledgements that it has not yet written
  ends: { asTarget: 'SIGKILL', asSource: 'SIGKILL' },
  forgets: true,
  async start() {
    const broker = await startRocketMq({ user: owner });
    for (const address of Object.values(addresses)) await broker.createTopic(address, { queues: 1 });
    await broker.createGroup(group);
    await broker.setUser(stranger.username, 'something-else');
    const java = await JavaClient.start(owner);
    const publish = (topic: string, body: string): Promise<void> =>
      java.publish(broker.at, topic, { body: Buffer.from(body), properties: [] });
    const messages: { body: Buffer }[] = [];
    const seen = new Set<string>();
    // One reader all the time, which survives every outage: RocketMQ keeps for 30 s what one that left did not take.
    await java.subscribe(broker.at, addresses.target, group, ({ id, body }) => {
      // A killed broker forgets what the reader has acknowledged; what the gateway sends twice has two identifiers.
      if (!seen.has(id!)) messages.push({ body });
      seen.add(id!);
    });
    // A group begins where a topic ends at its first reading.
    await publish(addresses.target, 'first');
    await until(() => messages.length > 0, 'the group reads', 60_000);
    const settings = {
      type: 'rocketmq',
      brokers: [broker.at],
      window: inFlight,
      in_flight: inFlight,
      invisible: '10s',
    };
    return {
      broker,
      settings: { ...settings, ...owner },
      stranger: { ...settings, ...stranger },
      logins: 1,
      addresses,
      publish: (body) => publish(addresses.source, body),
      read: () => Promise.resolve({ messages, close: () => Promise.resolve() }),
      admit: () => broker.setUser(stranger.username, stranger.password),
      async stop() {
        await java.close();
        await broker.stop();
      },
    };
  },
};
