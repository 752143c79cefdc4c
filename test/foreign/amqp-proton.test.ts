import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { withForeigner } from './amqp-listener.ts';
import { missing, run } from './tools.ts';

/** Debian's own, for which the package python3-qpid-proton is built. */
const python = '/usr/bin/python3';
const skip = missing('python3-qpid-proton', python, '-c', 'import proton');

describe('Qpid Proton (Python)', () => {
  it('passes every check', { skip, timeout: 120_000 }, async () => {
    const { out, bench } = await withForeigner(2000, (port) =>
      run(python, [join(import.meta.dirname, 'proton/proton_client.py'), String(port)]),
    );
    assert.equal(out.match(/^ok /gm)?.length, 10, out);
    assert.deepEqual(bench.log.lines, []);
  });
});
