import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import mqtt, { type MqttClient } from 'mqtt';
import { makeCertificates, type Certificates } from '../brokers/certificates.ts';
import { until } from '../helpers.ts';
import { reloadable } from './support.ts';

const configuration = `endpoints:
  devices:
    type: mqtt
    listen: 127.0.0.1:0
    tls: { cert: "\${file:server.pem}", key: "\${file:server.key}" }
    websocket: { listen: 127.0.0.1:0, path: /mqtt }
  out: { type: amqp, listen: 127.0.0.1:0 }
routes: [routes.yaml]
`;
const routes = `routes:
  - { name: all, from: { endpoint: devices, address: "in/#" }, to: [{ endpoint: out, address: all, retry: { deadline: 60s } }] }
`;

describe('certificates that a running gateway reads again', { timeout: 120_000 }, () => {
  let [old, fresh]: Certificates[] = [];
  before(async () => {
    [old, fresh] = [await makeCertificates(), await makeCertificates()];
  });

  it('are shown to those who come, by TLS and by WebSocket, and those who are there stay', async (t) => {
    const running = await reloadable(t, configuration, {
      'routes.yaml': routes,
      'server.pem': old!.cert,
      'server.key': old!.key,
    });
    const { at } = running.gateway.status().get('devices')!;
    const urls = [`mqtts://127.0.0.1:${running.port('devices')}`, /wss:\S+/.exec(at)![0]];
    const come = async (url: string, { ca }: Certificates): Promise<MqttClient> => {
      const client = await mqtt.connectAsync(url, { ca, reconnectPeriod: 0, connectTimeout: 10_000 });
      client.on('error', () => undefined);
      t.after(() => client.end(true));
      return client;
    };
    const early = await Promise.all(urls.map((url) => come(url, old!)));
    const echoes: string[] = [];
    for (const client of early) {
      await client.subscribeAsync('news', { qos: 1 });
      client.on('message', (_topic, body) => echoes.push(body.toString()));
    }

    await running.put('server.pem', fresh!.cert);
    const faulty = await running.reload();
    assert.ok(faulty.state === 'faulty', 'the key is still that of the old one');
    const [problem] = faulty.problems;
    assert.equal(problem!.line, 5);
    assert.match(problem!.message, /is not the private key of the certificate in "cert"/);
    await running.put('server.key', 'not PEM at all');
    const noPem = await running.reload();
    assert.match(JSON.stringify(noPem), /"state":"faulty".*is not a private key in PEM/);
    assert.doesNotMatch(JSON.stringify([noPem, running.log.lines]), /not PEM at all/);
    for (const url of urls) {
      await come(url, old!);
      await assert.rejects(come(url, fresh!), /certificate/);
    }

    await running.put('server.key', fresh!.key);
    const done = await running.reload();
    assert.deepEqual(done, {
      state: 'reloaded',
      version: 2,
      changes: {
        endpoints: { added: [], removed: [], changed: [], renewed: ['devices'] },
        routes: { added: [], removed: [], changed: [] },
      },
    });
    for (const url of urls) {
      const late = await come(url, fresh!);
      await assert.rejects(come(url, old!), /certificate/);
      await late.publishAsync('news', url, { qos: 1 });
    }
    await until(() => echoes.length === 4, 'those who were there hear those who came');
    for (const client of early) {
      assert.equal(client.connected, true);
      await client.publishAsync('news', 'still here', { qos: 1 });
    }
    assert.equal(running.gateway.status().get('devices')!.at, at);
    assert.equal(running.gateway.ready(), true);
    const again = await running.reload();
    assert.equal(again.state === 'reloaded' && again.version, 2, 'nothing has changed since');
  });
});
