import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parsePattern } from '../../../src/core/address.ts';
import { accepted } from '../../../src/core/outcome.ts';
import { mqttAddress } from '../../../src/protocols/mqtt/address.ts';
import { MqttBrokerClient } from '../../../src/protocols/mqtt/client.ts';
import { mqttClientConfig } from '../../../src/protocols/mqtt/client/config.ts';
import { freePort, startMosquitto, unavailable, type Broker } from '../../brokers/index.ts';
import { makeCertificates, type Certificates } from '../../brokers/certificates.ts';
import { keptLog, message, textOf, until } from '../../helpers.ts';

describe('the MQTT client, TLS and shared subscriptions', { skip: await unavailable('mosquitto') }, () => {
  let certificates: Certificates;
  let broker: Broker;
  let wss: number;
  const clients: MqttBrokerClient[] = [];
  before(async () => {
    certificates = await makeCertificates();
    wss = await freePort();
    const { files } = certificates;
    const tls = [`cafile ${files.ca}`, `certfile ${files.cert}`, `keyfile ${files.key}`];
    broker = await startMosquitto({
      config: [
        ...tls,
        'require_certificate true',
        `listener ${wss} 127.0.0.1`,
        'protocol websockets',
        ...tls,
      ],
    });
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await broker.stop();
    await certificates.remove();
  });

  async function open(settings: object, state: 'ready' | 'failing' = 'ready'): Promise<MqttBrokerClient> {
    const client = new MqttBrokerClient(mqttClientConfig.parse(settings), {
      name: `secure-${clients.length}`,
      log: keptLog(),
    });
    clients.push(client);
    await client.open();
    await until(() => client.status().state === state, `the client is ${state}`);
    return client;
  }

  async function received(client: MqttBrokerClient, filter: string): Promise<string[]> {
    const bodies: string[] = [];
    await client.source.start({
      patterns: [parsePattern(filter, mqttAddress)],
      readerOf: () => 'route',
      deliver: ({ body }) => {
        bodies.push(textOf(body));
        return Promise.resolve(accepted);
      },
    });
    return bodies;
  }

  const identity = () => ({
    ca: certificates.ca,
    cert: certificates.clientCert,
    key: certificates.clientKey,
  });

  test('mqtts with a client certificate, and wss, carry messages', async () => {
    const overTls = await open({ url: `mqtts://127.0.0.1:${broker.port}`, tls: identity() });
    const overWss = await open({ url: `wss://localhost:${wss}/mqtt`, tls: { ca: certificates.ca } });
    const bodies = await received(overWss, 'secure/+');
    await overTls.sink.send(message('secure/a', 'sealed'), 'secure/a');
    await until(() => bodies.includes('sealed'));
  });

  test('a broker whose certificate nobody vouches for gets nothing', async () => {
    const client = await open({ url: `mqtts://127.0.0.1:${broker.port}` }, 'failing');
    assert.match(client.status().reason ?? '', /certificate/i);
  });

  test('a certificate for another name is refused, unless that name is expected', async () => {
    const url = `mqtts://127.0.0.1:${broker.port}`;
    const client = await open({ url, tls: { ...identity(), servername: 'elsewhere' } }, 'failing');
    assert.match(client.status().reason ?? '', /elsewhere|altnames/i);
    await open({ url, tls: { ...identity(), servername: 'localhost' } });
  });

  test('gateways with one share split the messages between them', async () => {
    const settings = { url: `mqtts://127.0.0.1:${broker.port}`, tls: identity(), share: 'gateways' };
    const members = [
      await open({ ...settings, client_id: 'member-1' }),
      await open({ ...settings, client_id: 'member-2' }),
    ];
    const bodies = await Promise.all(members.map((member) => received(member, 'shared/+')));
    const sent = Array.from({ length: 100 }, (_, i) => String(i));
    await Promise.all(sent.map((body) => members[0]!.sink.send(message('shared/x', body), 'shared/x')));
    await until(() => bodies.flat().length >= 100);
    assert.deepEqual(
      bodies.flat().sort((a, b) => Number(a) - Number(b)),
      sent,
    );
    assert.ok(bodies.every((each) => each.length > 0));
  });
});
