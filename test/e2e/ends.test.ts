import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { connectAmqp } from '../contract/harness/amqp.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { until } from '../helpers.ts';
import { startGateway, type RunningGateway } from './gateway.ts';

const configuration = `endpoints:
  mqtt: { type: mqtt, listen: 127.0.0.1:0 }
  amqp: { type: amqp, listen: 127.0.0.1:0 }
routes: [routes.yaml]
drain: 10m
admin: { listen: 127.0.0.1:0 }
`;
const routes = `routes:
  - { name: all, from: { endpoint: mqtt, address: in }, to: [{ endpoint: amqp, address: out }] }
`;

/** How the process of a gateway ends where it does not end in order. */
describe('the process of a gateway', { timeout: 240_000 }, () => {
  let folder: string;
  let config: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'junction-ends-'));
    config = join(folder, 'junction.yaml');
    await writeFile(config, configuration);
    await writeFile(join(folder, 'routes.yaml'), routes);
  });
  after(() => rm(folder, { recursive: true }));

  /** One that has a message which its consumer does not settle, so that draining takes for ever. */
  async function busy(): Promise<{ gateway: RunningGateway; leave: () => Promise<unknown> }> {
    const gateway = await startGateway({ config });
    const receiver = await connectAmqp(gateway.port('amqp'));
    const inbox = await receiver.subscribe('out', { hold: true });
    const sender = await connectMqtt(gateway.port('mqtt'), 5);
    void sender.publish('in', { body: Buffer.from('1') });
    await until(() => inbox.messages.length === 1, 'a message is under way');
    return { gateway, leave: () => Promise.all([sender.close(), receiver.close()]) };
  }

  for (const [first, second, code] of [
    ['SIGTERM', 'SIGTERM', 143],
    ['SIGINT', 'SIGINT', 130],
    ['SIGTERM', 'SIGINT', 130],
  ] as const)
    it(`ends at once with ${code} at ${second} after ${first}`, async () => {
      const { gateway, leave } = await busy();
      gateway.child.kill(first);
      await until(() => /"msg":"draining"/.test(gateway.output()), 'it is draining');
      assert.equal(gateway.child.exitCode, null);
      assert.equal(await gateway.stop(second), code);
      assert.doesNotMatch(gateway.output(), /"msg":"stopped"/);
      await leave();
    });

  for (const [event, defect] of [
    ['uncaughtException', "throw new Error('a defect')"],
    ['unhandledRejection', "void Promise.reject(new Error('a defect'))"],
  ] as const)
    it(`logs one fatal line and ends with 1 at an ${event}`, async () => {
      // The defect happens at a signal that the gateway knows nothing of, when it has come up.
      const preload = join(folder, `${event}.mjs`);
      await writeFile(preload, `process.on('SIGUSR2', () => setImmediate(() => { ${defect}; }));\n`);
      const gateway = await startGateway({
        config,
        env: { NODE_OPTIONS: `--import=${pathToFileURL(preload).href}` },
      });
      const closed = once(gateway.child, 'close');
      assert.equal(await gateway.stop('SIGUSR2'), 1);
      await closed;
      const fatal = gateway
        .output()
        .split('\n')
        .filter((line) => line.includes('"level":"fatal"') || line.includes('"level":60'))
        .map((line) => JSON.parse(line) as { msg: string; err: { message: string; stack: string } });
      assert.deepEqual(
        fatal.map(({ msg, err }) => [msg, err.message]),
        [[`${event}: the process ends`, 'a defect']],
      );
      assert.match(fatal[0]!.err.stack, new RegExp(`${event}\\.mjs`));
    });
});
