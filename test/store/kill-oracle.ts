import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the child works with. */
export const keys = 12;
export const window = 100;

export interface Result {
  readonly acknowledged: number;
  readonly delivered: number;
  readonly doubled: number;
}

/** Complete lines of a file. */
const lines = (folder: string, name: string): string[] =>
  readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1);

/**
 * After all is drained: what was acknowledged is delivered, each key in its order the first time; what comes twice is
 * within the window of one crash.
 */
export function judge(folder: string, kills: number): Result {
  const acknowledged = lines(folder, 'acks');
  const delivered = lines(folder, 'deliveries');
  const once = new Set(delivered);
  const missing = acknowledged.filter((each) => !once.has(each));
  assert.deepEqual(missing.slice(0, 5), [], `${missing.length} acknowledged messages are lost`);
  const last = new Map<string, number>();
  for (const each of once) {
    const [key, number] = each.split(' ') as [string, string];
    assert.ok(Number(number) > (last.get(key) ?? -1), `${each} comes after ${last.get(key)}`);
    last.set(key, Number(number));
  }
  const doubled = delivered.length - once.size;
  assert.ok(doubled <= window * kills, `${doubled} messages came twice after ${kills} kills`);
  return { acknowledged: acknowledged.length, delivered: once.size, doubled };
}
