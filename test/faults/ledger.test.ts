import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Store } from '../../src/store/store.ts';
import { keptLog, message } from '../helpers.ts';
import { bodyOf, Ledger } from './ledger.ts';
import { readStore } from './left-in-store.ts';

const targets = [
  { endpoint: 'out', address: 'a' },
  { endpoint: 'out', address: 'b' },
];

describe('the oracle of the fault harness', () => {
  it('tells what is stuck in the spool, by target, from what is lost and from dead letters', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'junction-ledger-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const ledger = new Ledger('run', ['a', 'b']);
    const bodies = Array.from({ length: 5 }, (_, number) => {
      const id = { key: 'k', number };
      ledger.sending(id);
      ledger.confirmed(id);
      return bodyOf('run', id, 20);
    });
    const inStore = (number: number) => message('in', bodies[number]!.toString());
    // 0 and 4 have arrived, 1 is in the spool for b alone, 2 is a dead letter of a and in the spool, 3 is nowhere.
    const store = new Store({ folder, damaged: 'refuse' }, keptLog());
    await store.open();
    const spool = store.spool('under-test');
    const { sequence } = await spool.append(inStore(1));
    await spool.mark(sequence, ['out a']);
    await spool.append(inStore(2));
    await store.deadLetters.add({
      ...{ message: inStore(2), source: 'in', route: 'under-test', endpoint: 'out', address: 'a' },
      ...{ code: 'refused', reason: 'test', attempts: 1, firstAt: 1, lastAt: 1 },
    });
    await store.close();
    for (const target of ['a', 'b']) {
      ledger.arrived(target, String(bodies[0]));
      ledger.arrived(target, String(bodies[4]));
    }
    ledger.arrived('a', String(bodies[1]));

    await readStore(folder, targets, ledger);
    const names = (all: { target: string; name: string }[]) =>
      all.map(({ target, name }) => `${target} ${name}`);
    assert.deepEqual(names(ledger.stuck()), ['b k#1', 'b k#2']);
    assert.deepEqual(names(ledger.lost()), ['a k#3', 'b k#3']);
    assert.equal(ledger.deadLettered, 1);
    assert.deepEqual(ledger.strange, []);
  });

  it('reads a spool in parts, to its end', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'junction-ledger-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const ledger = new Ledger('run', ['a']);
    const store = new Store({ folder, damaged: 'refuse' }, keptLog());
    await store.open();
    const appended = Array.from({ length: 250 }, (_, number) => {
      const id = { key: 'k', number };
      ledger.sending(id);
      ledger.confirmed(id);
      return store.spool('under-test').append(message('in', bodyOf('run', id, 2000).toString()));
    });
    await Promise.all(appended);
    await store.close();
    await readStore(folder, targets.slice(0, 1), ledger);
    assert.equal(ledger.stuck().length, 250);
    assert.deepEqual(ledger.lost(), []);
  });
});
