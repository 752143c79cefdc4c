import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { withForeigner } from './amqp-listener.ts';
import { missing, run } from './tools.ts';

const target = join(import.meta.dirname, '../../.cache/foreign/rust');
const manifest = join(import.meta.dirname, 'rust/Cargo.toml');
const skip = missing('Rust', 'cargo', '--version');

describe('fe2o3-amqp (Rust)', () => {
  it('passes every check', { skip, timeout: 590_000 }, async () => {
    const common = ['--quiet', '--locked', '--manifest-path', manifest, '--target-dir', target];
    const { out, bench } = await withForeigner(2, (port) =>
      run('cargo', ['run', ...common, '--', String(port)], undefined, 580_000),
    );
    assert.equal(out.match(/^ok /gm)?.length, 7, out);
    assert.deepEqual(bench.log.lines, []);
  });
});
