import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ConfigurationStatus } from '../../src/admin/reload.ts';
import { connectAmqp } from '../contract/harness/amqp.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { until } from '../helpers.ts';
import { runCommand, startGateway, type RunningGateway } from './gateway.ts';

const configuration = (data: string, more = '') => `endpoints:
  mqtt: { type: mqtt, listen: 127.0.0.1:0 }
  amqp: { type: amqp, listen: 127.0.0.1:0 }
${more}routes: [routes/*.yaml]
store: { path: ${JSON.stringify(data)} }
reload: { every: 100ms }
admin: { listen: 127.0.0.1:0 }
`;
const route = (name: string, from: string, to: string) =>
  `routes:\n  - { name: ${name}, from: { endpoint: mqtt, address: ${from} }, to: [{ endpoint: amqp, address: ${to} }] }\n`;

describe('a running gateway', () => {
  let folder: string;
  let file: string;
  let gateway: RunningGateway;
  const admin = () => `127.0.0.1:${gateway.port('admin')}`;
  const status = async (): Promise<ConfigurationStatus> =>
    (await (await fetch(`http://${admin()}/configuration`)).json()) as ConfigurationStatus;
  const reaches = async (version: number) =>
    until(async () => (await status()).version === version, `version ${version}`, 60_000);
  const put = async (name: string, text: string) => {
    await writeFile(join(folder, `${name}~`), text);
    await rename(join(folder, `${name}~`), join(folder, name));
  };
  const cli = (...args: string[]) =>
    runCommand(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args, '--admin', admin()]);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'junction-reload-'));
    file = join(folder, 'junction.yaml');
    await mkdir(join(folder, 'routes'));
    await put('routes/a.yaml', route('one', 'a', 'a.first'));
    await put('junction.yaml', configuration(join(folder, 'data')));
    gateway = await startGateway({ config: file });
  });
  after(async () => {
    await gateway.stop('SIGKILL');
    await rm(folder, { recursive: true });
  });

  it('goes on by a file that was put in place of another, and by a new one; clients stay connected', async () => {
    const sender = await connectMqtt(gateway.port('mqtt'), 5);
    const receiver = await connectAmqp(gateway.port('amqp'));
    const second = await receiver.subscribe('a.second');
    await put('routes/a.yaml', route('one', 'a', 'a.second'));
    await reaches(2);
    assert.equal(await sender.publish('a', { body: Buffer.from('1') }), 'accepted');
    await until(() => second.messages.length === 1, 'it came by the new route');
    const third = await receiver.subscribe('b.third');
    await put('routes/b.yaml', route('two', 'b', 'b.third'));
    await reaches(3);
    assert.equal(await sender.publish('b', { body: Buffer.from('2') }), 'accepted');
    await until(() => third.messages.length === 1, 'it came by the added route');
    await rm(join(folder, 'routes', 'b.yaml'));
    await reaches(4);
    for (const peer of [sender, receiver]) await peer.close();
  });

  it('sees what a link leads to now', async () => {
    for (const [name, to] of [
      ['v1', 'c.v1'],
      ['v2', 'c.v2'],
    ] as const) {
      await mkdir(join(folder, name));
      await writeFile(join(folder, name, 'c.yaml'), route('linked', 'c', to));
    }
    await symlink('v1', join(folder, 'current'));
    await symlink('../current/c.yaml', join(folder, 'routes', 'c.yaml'));
    await reaches(5);
    await symlink('v2', join(folder, 'next'));
    await rename(join(folder, 'next'), join(folder, 'current'));
    await reaches(6);
    await rm(join(folder, 'routes', 'c.yaml'));
    await reaches(7);
  });

  it('keeps the old routes where a file is faulty, and says where, at the API and on the command line', async () => {
    await put(
      'routes/bad.yaml',
      'routes:\n  - { name: bad, from: { endpoint: mqqt, address: x }, to: [{ endpoint: amqp, address: y }] }\n',
    );
    await until(async () => (await status()).failure !== undefined, 'the failure shows');
    const { version, failure } = await status();
    assert.equal(version, 7);
    const [problem] = failure!.problems;
    assert.deepEqual([problem!.line, problem!.column], [2, 36]);
    const { code, stderr } = await cli('reload', '--config', file);
    assert.equal(code, 2);
    assert.match(stderr, /bad\.yaml:2:36: unknown endpoint "mqqt"/);
    assert.equal((await fetch(`http://${admin()}/reload`, { method: 'POST' })).status, 422);
    assert.equal((await fetch(`http://${admin()}/readyz`)).status, 200);
    await rm(join(folder, 'routes', 'bad.yaml'));
    assert.equal((await cli('reload', '--config', file)).code, 0);
    assert.equal((await status()).failure, undefined);
  });

  it('reads again at SIGHUP, opens endpoints that are added, and refuses those that cannot listen', async () => {
    const busy = `  more: { type: stomp, listen: 127.0.0.1:${gateway.port('mqtt')} }\n`;
    await put('junction.yaml', configuration(join(folder, 'data'), busy));
    await until(async () => /cannot listen/.test((await status()).failure?.error ?? ''), 'the failure shows');
    await put(
      'junction.yaml',
      configuration(join(folder, 'data'), '  more: { type: stomp, listen: 127.0.0.1:0 }\n'),
    );
    gateway.child.kill('SIGHUP');
    await until(async () => (await status()).failure === undefined, 'it is good again');
    const ready = (await (await fetch(`http://${admin()}/readyz`)).json()) as { endpoints: object };
    assert.deepEqual(Object.keys(ready.endpoints), ['mqtt', 'amqp', 'more']);
  });

  it('ends at SIGTERM under load without losing or doubling what it acknowledged', async () => {
    await put('routes/a.yaml', route('one', 'a', 'a.load'));
    assert.equal((await cli('reload', '--config', file)).code, 0);
    const sender = await connectMqtt(gateway.port('mqtt'), 5);
    const receiver = await connectAmqp(gateway.port('amqp'));
    const inbox = await receiver.subscribe('a.load');
    const accepted: number[] = [];
    let ended = false;
    const load = (async () => {
      for (let n = 0; !ended; n += 20)
        await Promise.all(
          Array.from({ length: 20 }, async (_, i) => {
            if ((await sender.publish('a', { body: Buffer.from(String(n + i)) })) === 'accepted')
              accepted.push(n + i);
            else ended = true;
          }),
        );
    })();
    await until(() => accepted.length > 200, 'messages flow');
    assert.equal(await gateway.stop('SIGTERM'), 0);
    ended = true;
    await load;
    const came = inbox.messages.map(({ body }) => Number(String(body)));
    assert.equal(new Set(came).size, came.length, 'nothing came twice');
    const all = new Set(came);
    assert.deepEqual(
      accepted.filter((n) => !all.has(n)),
      [],
      'all that was acknowledged came',
    );
    for (const peer of [sender, receiver]) await peer.close();
  });
});
