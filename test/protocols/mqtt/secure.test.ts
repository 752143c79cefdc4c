import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { MqttClient } from 'mqtt';
import mqtt from '../../../src/protocols/mqtt/index.ts';
import { missing, run } from '../../foreign/tools.ts';
import { until } from '../../helpers.ts';
import { atEnd, certificates, closeAll, serverTls, start } from '../../transport/support.ts';
import { clientOptions, connectClient, inbox } from './support.ts';

/** A listener for TLS and WebSocket that is closed after the tests. */
async function open(settings: object): ReturnType<typeof start> {
  const running = await start({ protocol: mqtt }, settings);
  atEnd(() => running.endpoint.close());
  return running;
}

async function connect(url: string, version: 3 | 4 | 5, options: object = {}): Promise<MqttClient> {
  const { ca } = await certificates();
  const client = await connectClient(url, { ...clientOptions(version), ca: [ca], ...options });
  atEnd(() => client.end(true));
  return client;
}

describe('MQTT by TLS', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  it('passes messages of each version, by mqtts and wss', async () => {
    const { port, url } = await open({ tls: await serverTls(), websocket: { listen: '127.0.0.1:0' } });
    assert.match(url, /^wss:/);
    for (const version of [3, 4, 5] as const) {
      const reader = await connect(`mqtts://127.0.0.1:${port}`, version);
      await reader.subscribeAsync('t', { qos: 2 });
      const writer = await connect(url, version);
      for (const n of [1, 2, 3]) await writer.publishAsync('t', Buffer.alloc(200_000, n), { qos: 2 });
      await until(() => inbox(reader).length === 3);
      assert.ok(inbox(reader).every(({ body }) => body.length === 200_000));
    }
  });

  it('takes only who brings a certificate, where one is required', async () => {
    const { ca, clientCert, clientKey } = await certificates();
    const { port } = await open({ tls: await serverTls({ ca, client_certificate: 'require' }) });
    const address = `mqtts://127.0.0.1:${port}`;
    const client = await connect(address, 5, { cert: clientCert, key: clientKey });
    await client.publishAsync('t', 'x', { qos: 1 });
    await assert.rejects(connect(address, 5), /certificate required/);
  });

  it('may leave the WebSocket without', async () => {
    const { url } = await open({
      tls: await serverTls(),
      websocket: { listen: '127.0.0.1:0', tls: 'none' },
    });
    assert.match(url, /^ws:/);
    const client = await connect(url, 4);
    await client.publishAsync('t', 'x', { qos: 1 });
  });

  const skip = missing('mosquitto_pub', 'sh', '-c', 'command -v mosquitto_pub');
  it('takes mosquitto_pub, with a certificate of its own', { skip }, async () => {
    const { ca, files } = await certificates();
    const { port } = await open({ tls: await serverTls({ ca, client_certificate: 'require' }) });
    const { clientCert, clientKey } = await certificates();
    const reader = await connect(`mqtts://127.0.0.1:${port}`, 4, { cert: clientCert, key: clientKey });
    await reader.subscribeAsync('t', { qos: 1 });
    await run('mosquitto_pub', [
      ...['-h', '127.0.0.1', '-p', String(port), '-t', 't', '-m', 'hello', '-q', '1'],
      ...['--cafile', files.ca, '--cert', files.clientCert, '--key', files.clientKey],
    ]);
    await until(() => inbox(reader).length === 1);
    assert.equal(inbox(reader)[0]!.body, 'hello');
  });
});
