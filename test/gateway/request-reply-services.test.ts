import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { after, before, describe, it, type TestContext } from 'node:test';
import {
  startActiveMq,
  startMosquitto,
  startRocketMq,
  unavailable,
  type ActiveMqPorts,
  type Broker,
  type RocketMqAdmin,
} from '../brokers/index.ts';
import { classPath, javaFlags } from '../brokers/java.ts';
import { JavaClient } from '../contract/harness/rocketmq-peer.ts';
import { until } from '../helpers.ts';
import { amqpPeer, assertAnswered, mqttPeer, stompPeer, type Peer } from './requests.ts';
import { reloadable, type Reloadable } from './support.ts';

const openWireService = fileURLToPath(new URL('OpenWireService.java', import.meta.url));

/** A broker as an endpoint, and where at it requests go and answers come. */
interface Service {
  readonly endpoint: string;
  readonly to: string;
  readonly replies: string;
}

/** Every listener has a route to the service. */
const gatewayTo = (t: TestContext, { endpoint, to, replies }: Service): Promise<Reloadable> => {
  const route = (from: string, address: string, allow: string): string =>
    `  - name: from-${from}
    from: { endpoint: ${from}, address: "${address}" }
    to: [{ endpoint: broker, address: "${to}" }]
    reply: { address: "${replies}"${allow} }
`;
  const routes = [
    route('mqtt', 'ask', ', allow: ["answers/#"]'),
    route('amqp', 'ask', ''),
    route('stomp', '/queue/ask', ''),
  ];
  return reloadable(
    t,
    `endpoints:
  mqtt: { type: mqtt, listen: 127.0.0.1:0 }
  amqp: { type: amqp, listen: 127.0.0.1:0 }
  stomp: { type: stomp, listen: 127.0.0.1:0 }
  broker: ${endpoint}
id: gw-1
routes: [routes.yaml]
`,
    { 'routes.yaml': `defaults: { allow_loss: all }\nroutes:\n${routes.join('')}` },
  );
};

/** A requester of each protocol asks at its listener. */
async function assertAllAnswered(t: TestContext, running: Reloadable): Promise<void> {
  const kept = <Made extends Peer>(peer: Made): Made => {
    t.after(() => peer.close());
    return peer;
  };
  await until(() => running.gateway.ready(), 'the gateway is ready', 60_000);
  await assertAnswered(kept(await mqttPeer(running.port('mqtt'), 'answers/1')), 'ask', 'device');
  await assertAnswered(kept(await amqpPeer(running.port('amqp'))), 'ask', 'service');
  await assertAnswered(kept(await stompPeer(running.port('stomp'))), '/queue/ask', 'page');
}

const noMosquitto = await unavailable('mosquitto');
describe('services of Mosquitto', { skip: noMosquitto, timeout: 170_000 }, () => {
  for (const byMessageId of [false, true])
    it(`answer requesters of all protocols${byMessageId ? ' by message id' : ''}`, async (t) => {
      const broker = await startMosquitto();
      t.after(() => broker.stop());
      const service = await mqttPeer(broker.port, 'unused');
      t.after(() => service.close());
      await service.serve('work', { byMessageId });
      const running = await gatewayTo(t, {
        endpoint: `{ type: mqtt, url: "mqtt://${broker.at}", client_id: gw-1 }`,
        to: 'work',
        replies: 'replies/{gateway}',
      });
      await assertAllAnswered(t, running);
    });
});

const noActiveMq = await unavailable('activemq');
describe('services of ActiveMQ Classic', { skip: noActiveMq, timeout: 170_000 }, () => {
  let broker: Broker & ActiveMqPorts;
  before(async () => {
    // by default its other clients see of what comes by AMQP the bytes of its encoding
    broker = await startActiveMq({ connector: 'transport.transformer=jms' });
  });
  after(() => broker.stop());

  const amqp = { by: 'amqp', url: () => `amqp://${broker.at}`, queue: (name: string) => name };
  const stomp = {
    by: 'stomp',
    url: () => `stomp://127.0.0.1:${broker.stompPort}`,
    queue: (name: string) => `/queue/${name}`,
  };
  /** Its service does what is said of it, at a queue. */
  const cases: [
    says: string,
    endpoint: typeof amqp,
    serve: (t: TestContext, queue: string) => Promise<void>,
  ][] = [
    ['by AMQP answer what comes by AMQP', amqp, serveAmqp(false)],
    ['by AMQP answer what comes by AMQP, by message id', amqp, serveAmqp(true)],
    ['by STOMP answer what comes by STOMP', stomp, serveStomp],
    ['by AMQP answer what comes by STOMP', stomp, serveAmqp(false)],
    ['by OpenWire (JMS) answer what comes by AMQP', amqp, serveOpenWire('correlation')],
    ['by OpenWire (JMS) answer what comes by AMQP, by message id', amqp, serveOpenWire('id')],
    ['by OpenWire (JMS) answer what comes by STOMP', stomp, serveOpenWire('correlation')],
  ];

  function serveAmqp(byMessageId: boolean) {
    return async (t: TestContext, queue: string): Promise<void> => {
      const service = await amqpPeer(broker.port, { username: 'admin', password: 'admin' });
      t.after(() => service.close());
      await service.serve(queue, { byMessageId });
    };
  }

  async function serveStomp(t: TestContext, queue: string): Promise<void> {
    const service = await stompPeer(broker.stompPort);
    t.after(() => service.close());
    await service.serve(`/queue/${queue}`);
  }

  function serveOpenWire(how: 'correlation' | 'id') {
    return async (t: TestContext, queue: string): Promise<void> => {
      const args = [...javaFlags('128m'), '-cp', await classPath('activemq'), openWireService];
      const child = spawn('java', [...args, String(broker.openWirePort), queue, how], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      t.after(() => child.kill('SIGKILL'));
      const [said] = (await once(child.stdout, 'data')) as [Buffer];
      assert.equal(said.toString().trim(), 'ready');
    };
  }

  for (const [n, [says, { by, url, queue }, serve]] of cases.entries())
    it(says, async (t) => {
      await serve(t, `work.${n}`);
      const running = await gatewayTo(t, {
        endpoint: `{ type: ${by}, url: "${url()}", username: admin, password: admin }`,
        to: queue(`work.${n}`),
        replies: queue(`replies.{gateway}.${n}`),
      });
      await assertAllAnswered(t, running);
    });
});

const noRocketMq = await unavailable('rocketmq');
describe('services of RocketMQ', { skip: noRocketMq, timeout: 170_000 }, () => {
  let broker: Broker & RocketMqAdmin;
  let java: JavaClient;
  before(async () => {
    [broker, java] = await Promise.all([startRocketMq(), JavaClient.start()]);
    for (const topic of ['work', 'replies-gw-1']) await broker.createTopic(topic);
  });
  after(async () => {
    await java?.close();
    await broker?.stop();
  });

  it('answer requesters of all protocols, by the properties reply-to and correlation-id', async (t) => {
    const end = await java.subscribe(broker.at, 'work', 'services', ({ body, properties }) => {
      const named = new Map(properties);
      void java.publish(broker.at, named.get('reply-to')!, {
        body: Buffer.from(`re: ${body.toString()}`),
        properties: [['correlation-id', named.get('correlation-id')!]],
      });
    });
    t.after(end);
    const running = await gatewayTo(t, {
      endpoint: `{ type: rocketmq, brokers: ["${broker.at}"], group: junction-gw-1 }`,
      to: 'work',
      replies: 'replies-{gateway}',
    });
    await assertAllAnswered(t, running);
  });
});
