import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collect } from '../memory.ts';
import { runReloads } from './rounds.ts';

test(
  'reloads under load lose, double and reorder nothing, and memory does not grow by them',
  { timeout: 300_000 },
  async () => {
    const heap: number[] = [];
    const result = await runReloads({
      count: 300,
      seed: 7,
      onRound(round) {
        if (round % 100 !== 99) return;
        collect();
        heap.push(process.memoryUsage().heapUsed);
      },
    });
    const { reloads, refused, sent, lost, doubled, reordered, disconnects } = result;
    assert.deepEqual(
      { reloads, lost, doubled, reordered, disconnects },
      { reloads: 300, lost: 0, doubled: 0, reordered: 0, disconnects: 0 },
    );
    assert.ok(refused > 10 && sent > 1000, JSON.stringify(result));
    assert.ok(heap[2]! - heap[0]! < 20 * 2 ** 20, `heap grew over 200 reloads: ${heap.join(', ')} bytes`);
  },
);
