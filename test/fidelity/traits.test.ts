/** Nothing is declared in vain: each loss that traits tell of happens to some message. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { envelope, type Envelope, type Header } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import type { Traits } from '../../src/core/protocol.ts';
import mqtt from '../../src/protocols/mqtt/index.ts';
import { refused } from './kept.ts';
import { everything, messagesOf } from './messages.ts';
import { now, systems, type System } from './systems.ts';

/** What traits tell of that a message may lose or gain, in words. */
function declared(traits: Traits): Set<string> {
  const { narrows = {}, supplies = [], ascii = [] } = traits;
  return new Set([
    ...traits.loses.map((field) => `loses ${field}`),
    ...Object.keys(narrows).map((field) => `narrows ${field}`),
    ...supplies.map((field) => `supplies ${field}`),
    ...ascii.map((field) => `refuses ${field}`),
    ...(traits.headers === 'none' ? ['loses headers'] : []),
    ...(traits.headers !== 'none' && !traits.repeatedHeaders ? ['loses repeats'] : []),
    ...(traits.headerOrder === 'lost' ? ['loses order'] : []),
    ...(traits.nullBody === 'empty' ? ['loses null'] : []),
  ]);
}

/** What became of one message. */
function* happened(sent: Envelope, got: Envelope, traits: Traits): Generator<string> {
  for (const field of [...traits.loses, ...Object.keys(traits.narrows ?? {})] as (keyof Envelope)[])
    if (!same(sent[field], got[field])) {
      if (traits.loses.includes(field as never)) yield `loses ${field}`;
      else yield `narrows ${field}`;
    }
  for (const field of traits.supplies ?? [])
    if (sent[field] === undefined && got[field] !== undefined) yield `supplies ${field}`;
  if (got.headers.length === 0 && sent.headers.length > 0) yield 'loses headers';
  const names = new Set(sent.headers.map(([name]) => name));
  if (names.size < sent.headers.length && got.headers.length === names.size) yield 'loses repeats';
  const order = (message: Envelope): string[] => message.headers.map(([name]) => name);
  if (
    names.size === sent.headers.length &&
    got.headers.length === names.size &&
    !same(order(sent), order(got))
  )
    yield 'loses order';
  if (sent.body === null && got.body !== null) yield 'loses null';
}

const same = (a: unknown, b: unknown): boolean => {
  try {
    assert.deepStrictEqual(a, b);
    return true;
  } catch {
    return false;
  }
};

const messages = fc.sample(messagesOf(everything, 'anywhere', now), { numRuns: 400, seed: 7 });

describe('traits', () => {
  const kinds = grouped(systems);
  for (const [traits, all] of kinds)
    it(`declare nothing in vain: ${all.map(({ name }) => name).join(', ')}`, () => {
      const wanted = declared(traits);
      for (const system of all)
        for (const message of messages) {
          const why = refused(message, traits);
          if (why !== undefined) {
            const field = traits.ascii?.find((each) => why.startsWith(each));
            if (field !== undefined) wanted.delete(`refuses ${field}`);
            continue;
          }
          for (const what of happened(message, system.trip(message), traits)) wanted.delete(what);
        }
      assert.deepEqual([...wanted], []);
    });

  for (const system of systems) {
    const { limits = {} } = system.traits;
    const withHeader = (name: string, value: string): Envelope =>
      envelope({ address: 'anywhere', body: null, headers: [[name, value] satisfies Header] });
    const tried: [string, number | undefined, (bytes: number) => Envelope][] = [
      ['headerName', limits.headerName, (bytes) => withHeader('n'.repeat(bytes), 'v')],
      ['headerValue', limits.headerValue, (bytes) => withHeader('n', 'v'.repeat(bytes))],
    ];
    for (const [what, limit, message] of tried)
      if (limit !== undefined)
        it(`tell the limit of ${system.name}: ${what}`, () => {
          assert.equal(system.trip(message(limit)).headers.length, 1);
          assert.throws(
            () => system.trip(message(limit + 1)),
            (error) => error instanceof JunctionError && error.code === 'invalid-message',
          );
        });
  }

  it('follow the version that a client is told to speak', () => {
    const role = mqtt.client!;
    const of = (version: number): Traits =>
      role.traitsOf!(role.config.parse({ url: 'mqtt://127.0.0.1:1883', version }));
    const { sizes, ...traits } = of(5);
    assert.deepEqual(traits, role.traits);
    assert.equal(sizes?.from?.isDefault, true);
    assert.equal(of(4).headers, 'none');
  });
});

function grouped(all: readonly System[]): Map<Traits, System[]> {
  const groups = new Map<Traits, System[]>();
  for (const system of all) groups.set(system.traits, [...(groups.get(system.traits) ?? []), system]);
  return groups;
}
