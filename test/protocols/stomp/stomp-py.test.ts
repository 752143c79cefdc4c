import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { accepted } from '../../../src/core/outcome.ts';
import { HeldIntake, listen } from './support.ts';

const python = '/usr/bin/python3';
const script = fileURLToPath(new URL('stomp_py.py', import.meta.url));

function available(): boolean {
  try {
    execFileSync(python, ['-c', 'import stomp'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const skip = !available() && process.env['CI'] !== 'true' && 'Debian package python3-stomp is not installed';

describe('stomp.py', { skip, timeout: 90_000 }, () => {
  for (const version of ['1.0', '1.1', '1.2'])
    it(`sends, receives, refuses, acknowledges and commits in ${version}`, async (t) => {
      const intake = new HeldIntake((address) => address === '/queue/routed', accepted);
      const { port } = await listen(t, {}, intake);
      const { stdout } = await promisify(execFile)(python, [script, String(port), version], {
        timeout: 60_000,
      });
      assert.deepEqual(JSON.parse(stdout), {
        body: 'grüße',
        colour: 'blue:green',
        correlation: 'c1',
        early: ['subscribed'],
        redelivered: version === '1.0' ? null : 'true',
        receipts: ['subscribed', 'r1', 'r2', 'bye'],
      });
      assert.deepEqual(intake.bodies(), ['in a transaction']);
    });
});
