/** What the loss report names for each pair of systems is all that a message loses between them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Envelope, Header } from '../../src/core/envelope.ts';
import type { LossName } from '../../src/core/losses.ts';
import { lossOf } from '../../src/core/message-losses.ts';
import type { MessageField } from '../../src/core/protocol.ts';
import { lossesOf } from '../../src/routing/route/losses.ts';
import { refused } from './kept.ts';
import { messagesOf } from './messages.ts';
import { now, systems, type System } from './systems.ts';

const { FIDELITY_SEED: seed = '7', FIDELITY_RUNS: runs = '90' } = process.env;

const fields = [
  ...([
    'id',
    'bodyType',
    'contentType',
    'contentEncoding',
    'subject',
    'correlationId',
    'replyTo',
    'key',
  ] as const),
  ...(['priority', 'durable', 'expiresAt', 'timestamp', 'deliveryCount', 'hops', 'retain'] as const),
] satisfies MessageField[];

const same = (a: unknown, b: unknown): boolean => {
  try {
    assert.deepStrictEqual(a, b);
    return true;
  } catch {
    return false;
  }
};
const plain = <T>(value: T): T => (value instanceof Uint8Array ? new Uint8Array(value) : value) as T;
const plainHeaders = (headers: readonly Header[]): unknown[][] => headers.map((header) => header.map(plain));
const inOrder = (headers: readonly Header[]): unknown[][] =>
  plainHeaders(headers).sort(([a], [b]) => (a! < b! ? -1 : a! > b! ? 1 : 0));

/** What a message has lost, by comparing it before and after; fails for changes that are no loss. */
function* lost(sent: Envelope, got: Envelope, { traits }: System): Generator<LossName> {
  for (const field of fields) {
    const before = field === 'priority' ? (sent.priority ?? 4) : plain(sent[field]);
    const after = field === 'priority' ? (got.priority ?? 4) : plain(got[field]);
    if (before === undefined && traits.supplies?.includes(field)) continue;
    if (!same(before, after)) yield lossOf(field)!;
  }
  if (!same(plain(sent.body), plain(got.body))) {
    assert.ok(sent.body === null && got.body?.length === 0, 'a body has changed');
    yield 'null_body';
  }
  if (same(plainHeaders(sent.headers), plainHeaders(got.headers))) return;
  if (got.headers.length === 0) yield 'headers';
  else {
    const first = sent.headers.filter(([name], n, all) => all.findIndex(([each]) => each === name) === n);
    const repeated = got.headers.length < sent.headers.length;
    const left = repeated ? first : sent.headers;
    if (repeated) yield 'repeated_headers';
    if (!same(plainHeaders(left), plainHeaders(got.headers))) yield 'header_order';
    assert.deepEqual(inOrder(got.headers), inOrder(left), 'headers have changed');
  }
}

/** Not of one message, and of times as early as 1970: these are not looked for. */
const rare: ReadonlySet<LossName> = new Set(['order', 'timestamp']);

describe('the loss report', () => {
  for (const home of systems)
    it(`names all that a message of ${home.name} loses at any other, and nothing that none loses`, () => {
      const named = new Map(
        systems.map((away) => [away, lossesOf(home.traits, away.traits).map(({ name }) => name)]),
      );
      const vain = new Map(
        [...named].map(([away, names]) => [away, new Set(names.filter((name) => !rare.has(name)))]),
      );
      const one = (sent: Envelope): void => {
        for (const away of systems) {
          if (refused(sent, away.traits) !== undefined) continue;
          for (const name of lost(sent, away.trip(sent), away)) {
            assert.ok(
              named.get(away)!.includes(name),
              `${home.name} → ${away.name} loses ${name}, which is not named`,
            );
            vain.get(away)!.delete(name);
          }
        }
      };
      fc.assert(fc.property(messagesOf(home.traits, home.address, now), one), {
        numRuns: Number(runs),
        includeErrorInReport: true,
        ...(seed === 'random' ? {} : { seed: Number(seed) }),
      });
      // Brokers that share their traits need not all lose what these tell.
      for (const [away, names] of vain) {
        const alike = systems.filter(({ traits }) => traits === away.traits);
        const unseen = [...names].filter((name) => alike.every((each) => vain.get(each)!.has(name)));
        assert.deepEqual(unseen, [], `${home.name} → ${away.name}, named in vain`);
      }
    });
});
