import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { withForeigner } from './amqp-listener.ts';
import { missing, run } from './tools.ts';

const skip = missing('Go', 'go', 'version');

describe('Azure go-amqp', () => {
  it('passes every check', { skip, timeout: 170_000 }, async () => {
    const { out, bench } = await withForeigner(10, (port) =>
      run('go', ['run', '.', String(port)], join(import.meta.dirname, 'go-amqp')),
    );
    assert.equal(out.match(/^ok /gm)?.length, 9, out);
    assert.deepEqual(bench.log.lines, []);
  });
});
