import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { withForeigner } from './amqp-listener.ts';
import { missing, run } from './tools.ts';

const here = join(import.meta.dirname, 'jms');
const library = join(import.meta.dirname, '../../.cache/foreign/jms');

/** Fetches Qpid JMS from Maven Central, once. */
async function classPath(): Promise<string> {
  const client = join(library, 'done-2.10.0');
  if (!existsSync(client) || statSync(client).mtimeMs < statSync(join(here, 'pom.xml')).mtimeMs) {
    await run('mvn', ['-B', '-q', 'dependency:copy-dependencies', `-DoutputDirectory=${library}`], here);
    await run('touch', [client]);
  }
  return join(library, '*');
}

const skip = missing('Java', 'java', '-version') || missing('Maven', 'mvn', '-version');

describe('Qpid JMS', () => {
  it('passes every check', { skip, timeout: 170_000 }, async () => {
    const jars = await classPath();
    const { out, bench } = await withForeigner(1000, (port) =>
      run('java', ['-cp', jars, join(here, 'Jms.java'), String(port)]),
    );
    assert.equal(out.match(/^ok /gm)?.length, 20, out);
    assert.doesNotMatch(out, /^failed/m);
    const odd = bench.log.lines.filter((line) => !line.message.includes('container-id one is in use'));
    assert.deepEqual(odd, []);
  });
});
