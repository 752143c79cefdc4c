import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectAsync } from 'mqtt';
import { until } from '../helpers.ts';
import { RegistryPeer } from '../transform/registry-peer.ts';
import { startGateway } from './gateway.ts';

const routes = `routes:
  - name: in
    from: { endpoint: mqtt, address: "orders" }
    to:
      - endpoint: mqtt
        address: "framed"
        body: { from: json, jsonata: "{ 'n': n }", to: { registry: main, subject: n-value } }
        retry: { attempts: 100, backoff: { from: 100ms, to: 500ms } }
  - name: out
    from: { endpoint: mqtt, address: "framed" }
    to:
      - endpoint: mqtt
        address: "read"
        body: { from: { registry: main }, jsonata: "$" }
        compress: gzip
  - name: back
    from: { endpoint: mqtt, address: "read" }
    to: [{ endpoint: mqtt, address: "done", decompress: gzip }]
`;

test('messages wait for a registry that is away, and keep their order', { timeout: 180_000 }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'junction-transforms-'));
  t.after(() => rm(folder, { recursive: true }));
  const schema = '{"type":"record","name":"N","fields":[{"name":"n","type":"long"}]}';
  const peer = new RegistryPeer({
    '/schemas/ids/5': { schema },
    '/subjects/n-value/versions/latest': { id: 5, schema },
  });
  t.after(() => peer.stop());
  const url = await peer.start();
  peer.fails = 503;
  const config = join(folder, 'junction.yaml');
  await writeFile(
    config,
    `endpoints: { mqtt: { type: mqtt, listen: "127.0.0.1:0" } }
registries: { main: { url: "${url}" } }
routes: [routes.yaml]
admin: { listen: "127.0.0.1:0" }
`,
  );
  await writeFile(join(folder, 'routes.yaml'), routes);
  const gateway = await startGateway({ config });
  t.after(() => gateway.stop());
  const client = await connectAsync(`mqtt://127.0.0.1:${gateway.port('mqtt')}`, { protocolVersion: 5 });
  t.after(() => client.endAsync());
  const got: string[] = [];
  client.on('message', (_, body) => void got.push(body.toString()));
  await client.subscribeAsync('done', { qos: 1 });
  const bodies = Array.from({ length: 200 }, (_, n) => `{"n":${9007199254740993n + BigInt(n)}}`);
  const sent = Promise.all(bodies.map((body) => client.publishAsync('orders', body, { qos: 1 })));
  await until(() => peer.asked.length > 1, 'the registry is asked again');
  assert.deepEqual(got, []);
  peer.fails = undefined;
  await sent;
  await until(() => got.length === bodies.length, 'all have arrived');
  assert.deepEqual(got, bodies);
  assert.ok(peer.asked.length < 50, `it was asked ${peer.asked.length} times for ${bodies.length} messages`);
});
