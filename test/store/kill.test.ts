import assert from 'node:assert/strict';
import { test } from 'node:test';
import { killRun } from './kill.ts';

// 51 kills, each at another moment of taking, syncing, delivering and removing; more by `kill.ts --runs N --seed S`
test('nothing acknowledged is lost by kills at any moment, and what comes twice is within the window', async (t) => {
  const results = await Promise.all([1, 2, 3].map((seed) => killRun(17, seed)));
  for (const { acknowledged, doubled } of results) {
    t.diagnostic(`acknowledged=${acknowledged} duplicated=${doubled}`);
    assert.ok(acknowledged > 0);
  }
});
