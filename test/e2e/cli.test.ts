import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { connectStomp } from '../contract/harness/stomp.ts';
import { until } from '../helpers.ts';
import { root, runCommand, startGateway } from './gateway.ts';

const junction = (...args: string[]) =>
  runCommand(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args]);

describe('junction check', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'junction-cli-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('accepts what ships', async () => {
    for (const config of ['config/junction.yaml', 'config/compose.yaml']) {
      const { code, stdout, stderr } = await junction('check', '--config', config);
      assert.equal(code, 0, stderr);
      assert.equal(stderr, '');
      assert.match(stdout, /^ok: \d endpoints, \d routes in \d files$/m);
    }
  });

  it('prints what each route may lose where that is wanted', async () => {
    const { code, stdout, stderr } = await junction('check', '--losses', '--config', 'config/junction.yaml');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(
      stdout,
      /^telemetry: mqtt → amqp telemetry\.\{plant\}\n {2}note {6}repeated_headers {2}all but/m,
    );
    assert.match(stdout, /^orders: stomp → amqp orders\n {2}nothing$/m);
    assert.match(stdout, /^ {2}to peers with MQTT 3\.1 and 3\.1\.1 also: .*headers/m);
  });

  it('says all mistakes of a route file, one line each, and ends with 2', async () => {
    const file = join(folder, 'faulty.yaml');
    await writeFile(
      file,
      [
        'routes:',
        '  - name: one',
        '    form: { endpoint: mqtt, address: "a" }',
        '    to: [{ endpoint: amqp, address: "b" }]',
        '  - name: two',
        '    from: { endpoint: mtqq, address: "a/{x}" }',
        '    to: [{ endpoint: amqp, address: "b.{y}" }]',
        '',
      ].join('\n'),
    );
    const { code, stdout, stderr } = await junction('check', '--routes', file);
    assert.equal(code, 2);
    assert.equal(stdout, '');
    const lines = stderr.trim().split('\n');
    assert.deepEqual(
      lines.map((line) => line.slice(0, line.indexOf(' '))),
      [`${file}:3:5:`, `${file}:6:23:`, `${file}:7:40:`],
      stderr,
    );
    assert.match(lines[0]!, /unknown key "form"; did you mean "from"/);
    assert.match(lines[1]!, /unknown endpoint "mtqq"; known endpoints: mqtt, amqp, stomp/);
    assert.match(lines[2]!, /\{y\} is not bound/);
  });

  it('answers a wrong command line with one line and 2', async () => {
    const { code, stderr } = await junction('check', '--nonsense');
    assert.equal(code, 2);
    assert.match(stderr, /unknown option '--nonsense'/);
  });
});

describe('junction run', () => {
  it('ends with one line where it cannot listen', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    const env = {
      JUNCTION_MQTT_PORT: String(port),
      JUNCTION_AMQP_PORT: '0',
      JUNCTION_STOMP_PORT: '0',
      JUNCTION_ADMIN_PORT: '0',
    };
    const { code, stderr } = await runCommand(
      process.execPath,
      ['--import', 'tsx', 'src/main.ts', 'run'],
      env,
    );
    taken.close();
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`^junction: .*127\\.0\\.0\\.1:${port}.*\\n$`));
  });

  it('drains at SIGTERM: what was taken is settled, what waits in vain is given back', async () => {
    const gateway = await startGateway();
    const device = await connectMqtt(gateway.port('mqtt'), 5);
    const screen = await connectStomp(gateway.port('stomp'), '1.2');
    const inbox = await screen.subscribe('/topic/telemetry.p1', { hold: true });
    const told = device.publish('plants/p1/telemetry', { body: Buffer.from('1') });
    await until(() => inbox.messages.length === 1, 'the message has come');
    // an order for which nobody comes: its sender is not told that it was taken
    const shop = await connectStomp(gateway.port('stomp'), '1.2');
    const order = shop.publish('/queue/orders', { body: Buffer.from('2') });
    const ended = gateway.stop('SIGTERM');
    await until(() => gateway.output().includes('draining'), 'it drains');
    inbox.confirm();
    assert.equal(await told, 'accepted');
    assert.notEqual(await order, 'accepted');
    assert.equal(await ended, 0);
    for (const peer of [device, screen, shop]) await peer.close();
  });

  it('ends at once at a second signal', async () => {
    const gateway = await startGateway();
    const device = await connectMqtt(gateway.port('mqtt'), 5);
    const screen = await connectStomp(gateway.port('stomp'), '1.2');
    const inbox = await screen.subscribe('/topic/telemetry.p1', { hold: true });
    const told = device.publish('plants/p1/telemetry', { body: Buffer.from('1') });
    await until(() => inbox.messages.length === 1, 'the message has come');
    gateway.child.kill('SIGTERM');
    await until(() => gateway.output().includes('draining'), 'it drains');
    assert.equal(await gateway.stop('SIGINT'), 130);
    assert.equal(await told, 'closed');
    for (const peer of [device, screen]) await peer.close();
  });

  it('is the default command', async () => {
    const env = {
      ...process.env,
      JUNCTION_MQTT_PORT: '0',
      JUNCTION_AMQP_PORT: '0',
      JUNCTION_STOMP_PORT: '0',
      JUNCTION_ADMIN_PORT: '0',
    };
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], { cwd: root, env });
    let output = '';
    child.stdout.on('data', (chunk) => (output += String(chunk)));
    await until(() => output.includes('Junction is up.'), 'it is up', 60_000);
    child.kill('SIGTERM');
    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });
});
