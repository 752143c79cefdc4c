import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JunctionError } from '../../src/core/errors.ts';
import { identityOf } from '../../src/core/identity.ts';
import type { Sink } from '../../src/core/protocol.ts';
import { retryPolicy } from '../../src/routing/route/retry.ts';
import { Spool } from '../../src/routing/spool/spool.ts';
import { keptLog, until } from '../helpers.ts';
import { folderFor, message, numberOf, openStore } from '../store/support.ts';
import { gateway, route } from './support.ts';

const settings = { maxBytes: 2 ** 40, maxMessages: undefined, maxAge: undefined, full: 'block' } as const;

test('a message without id that waits in a spool has one identity, whenever it is sent and read again', async (t) => {
  const folder = await folderFor(t);
  /** What targets saw of each number, by each run of the gateway. */
  const runs: Map<number, Set<string>>[] = [];
  for (const up of [false, false, true]) {
    const seen = new Map<number, Set<string>>();
    const attempts = new Map<number, number>();
    runs.push(seen);
    const target: Sink = {
      async send(envelope) {
        const number = numberOf(envelope);
        seen.set(number, (seen.get(number) ?? new Set()).add(identityOf(envelope)));
        attempts.set(number, (attempts.get(number) ?? 0) + 1);
        if (!up) throw new JunctionError('timeout', 'who knows');
      },
    };
    const store = await openStore(t, folder);
    const retry = retryPolicy([{ backoff: { from: 5, to: 10 } }], true);
    const plain = route('r', ['source', '#'], [['target', 'x']]);
    const spooled = {
      ...plain,
      to: plain.to.map((to) => ({ ...to, retry })),
      spool: settings,
      deadLetter: 'store' as const,
    };
    const { dispatcher } = gateway(
      [spooled],
      { target },
      { store: store.deadLetters, spoolOf: (): Spool => spool },
    );
    const spool = new Spool(store.spool('r'), settings, dispatcher.handover('r'), keptLog());
    if (runs.length === 1)
      for (let n = 0; n < 10; n++)
        await dispatcher.intakeOf('source').deliver(message(n, { key: String(n) }));
    spool.start();
    await until(() =>
      up ? spool.counts.messages === 0 : attempts.size === 10 && [...attempts.values()].every((n) => n > 1),
    );
    await spool.stop();
    await store.close();
  }
  const identities = new Set<string>();
  for (let n = 0; n < 10; n++) {
    const [first] = runs[0]!.get(n)!;
    identities.add(first!);
    for (const seen of runs) assert.deepEqual([...seen.get(n)!], [first]);
  }
  assert.equal(identities.size, 10);
});
