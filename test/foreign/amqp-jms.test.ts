import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { withForeigner } from './amqp-listener.ts';
import { jmsClassPath } from './jms-library.ts';
import { missing, run } from './tools.ts';

const here = join(import.meta.dirname, 'jms');

const skip = missing('Java', 'java', '-version') || missing('Maven', 'mvn', '-version');

describe('Qpid JMS', () => {
  it('passes every check', { skip, timeout: 170_000 }, async () => {
    const jars = await jmsClassPath();
    const { out, bench } = await withForeigner(1000, (port) =>
      run('java', ['-cp', jars, join(here, 'Jms.java'), String(port)]),
    );
    assert.equal(out.match(/^ok /gm)?.length, 24, out);
    assert.doesNotMatch(out, /^failed/m);
    const odd = bench.log.lines.filter((line) => !line.message.includes('container-id one is in use'));
    assert.deepEqual(odd, []);
  });
});
