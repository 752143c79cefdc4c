import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import rhea, { type Sender } from 'rhea';
import { freePort } from '../brokers/ports.ts';
import { until } from '../helpers.ts';
import { Load } from '../reloads/load.ts';
import { reloadable } from './support.ts';

interface Settings {
  readonly mqtt: string;
  readonly out: string;
  /** Further endpoints. */
  readonly more?: string;
}

const sections = `
drain: 60s
store: { path: "\${DATA}" }
routes: [routes.yaml]
`;
const routes = `routes:
  - { name: direct, from: { endpoint: mqtt, address: "in/{key}" }, retry: { deadline: 60s }, to: [{ endpoint: out, address: "out.{key}" }] }
  - { name: kept, spool: true, from: { endpoint: mqtt, address: "kept/{key}" }, retry: { deadline: 60s }, to: [{ endpoint: out, address: "kept.{key}" }] }
`;

/** What a listener says that it takes, in bytes. */
async function largestAt(port: number): Promise<number> {
  const connection = rhea.create_container().connect({ host: '127.0.0.1', port, reconnect: false });
  connection.on('error', () => undefined);
  const sender: Sender = connection.open_sender('any');
  await once(sender, 'sender_open');
  const { max_message_size } = (sender as unknown as { remote: { attach: { max_message_size: number } } })
    .remote.attach;
  connection.close();
  await once(connection, 'connection_close');
  return max_message_size;
}

describe('a reload whose new listener cannot listen', { timeout: 240_000 }, () => {
  for (const changed of ['out', 'mqtt', 'both'] as const)
    it(`leaves all as it was, while messages flow: ${changed} changed on the same port`, async (t) => {
      const [mqtt, out] = [await freePort(), await freePort()];
      const textOf = (settings: Settings) => `endpoints:
  mqtt: { type: mqtt, listen: 127.0.0.1:${mqtt}, ${settings.mqtt} }
  out: { type: amqp, listen: 127.0.0.1:${out}, backlog: 100000, ${settings.out} }
${settings.more ?? ''}${sections}`;
      const old = { mqtt: 'max_message: 64KiB', out: 'max_message: 64KiB' };
      const running = await reloadable(t, textOf(old), { 'routes.yaml': routes });
      const foreign = createServer().listen(0, '127.0.0.1');
      t.after(() => foreign.close());
      await once(foreign, 'listening');
      const taken = (foreign.address() as AddressInfo).port;
      const load = await Load.begin({ mqtt, out });
      try {
        const flows = async () => {
          const { received } = load.tally;
          await until(() => load.tally.received > received + 200, 'messages flow', 60_000);
        };
        await flows();
        const next = textOf({
          mqtt: changed === 'out' ? old.mqtt : 'max_message: 32KiB',
          out: changed === 'mqtt' ? old.out : 'max_message: 32KiB',
          more: `  more: { type: stomp, listen: 127.0.0.1:${taken} }\n`,
        });
        for (let round = 0; round < 3; round++) {
          const result = await running.reload(next);
          assert.equal(result.state, 'failed');
          assert.match(
            (result as { error: string }).error,
            /cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/,
          );
          assert.equal(running.reloader.status().version, 1);
          assert.deepEqual(
            [...running.gateway.status()].map(([name, { state }]) => [name, state]),
            [
              ['mqtt', 'ready'],
              ['out', 'ready'],
            ],
          );
          assert.equal(running.port('out'), out);
          assert.equal(await largestAt(out), 64 * 1024);
          await flows();
        }
        foreign.close();
        await once(foreign, 'close');
        assert.equal((await running.reload()).state, 'reloaded', 'once the port is free');
        assert.equal(await largestAt(out), (changed === 'mqtt' ? 64 : 32) * 1024);
        await flows();
        await load.finish();
        await until(() => load.lost <= 0, 'all has come', 60_000);
        const { sent, received, doubled, reordered } = load.tally;
        assert.deepEqual({ received, doubled, reordered }, { received: sent, doubled: 0, reordered: 0 });
      } finally {
        await load.finish();
        await load.close();
      }
    });
});
