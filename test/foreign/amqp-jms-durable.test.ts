import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startGateway } from '../e2e/gateway.ts';
import { jmsClassPath } from './jms-library.ts';
import { missing, run } from './tools.ts';

const skip = missing('Java', 'java', '-version') || missing('Maven', 'mvn', '-version');

describe('Qpid JMS and a gateway that is killed', () => {
  it(
    'durable subscriptions, shared and not, keep what is published while their clients are away',
    {
      skip,
      timeout: 300_000,
    },
    async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'junction-jms-'));
      t.after(() => rm(folder, { recursive: true, force: true }));
      const config = join(folder, 'junction.yaml');
      await writeFile(
        config,
        `endpoints:
  amqp: { type: amqp, listen: "127.0.0.1:0", durable: true, topics: ["events.#"] }
admin: { listen: "127.0.0.1:0" }
store: { path: ${join(folder, 'data')} }
`,
      );
      const jars = await jmsClassPath();
      const half = async (which: string, end: NodeJS.Signals): Promise<void> => {
        const gateway = await startGateway({ config });
        t.after(() => gateway.stop('SIGKILL'));
        const program = join(import.meta.dirname, 'jms', 'Durable.java');
        const out = await run('java', ['-cp', jars, program, String(gateway.port('amqp')), which]);
        assert.match(out, new RegExp(`^ok ${which}$`, 'm'), out + gateway.output());
        await gateway.stop(end);
      };
      await half('before', 'SIGKILL');
      await half('after', 'SIGTERM');
    },
  );
});
