import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';

/** Waits for a condition, not for time: resolves once it holds, fails after the deadline (ms). */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what = condition.toString(),
  deadline = 30_000,
): Promise<void> {
  const end = Date.now() + deadline;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `not so after ${deadline} ms: ${what}`);
    await pause(2);
  }
}
