/** Each protocol to each other one and back: what comes back is what the traits say, no less and no more. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Envelope } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import { assertSame, kept, refused } from './kept.ts';
import { everything, messagesOf } from './messages.ts';
import { now, systems, type System } from './systems.ts';

/** FIDELITY_SEED=random varies them; a failure names its seed. */
const { FIDELITY_SEED: seed = '7', FIDELITY_RUNS: runs = '60' } = process.env;
const settings = {
  numRuns: Number(runs),
  includeErrorInReport: true,
  ...(seed === 'random' ? {} : { seed: Number(seed) }),
};

/** What must come back from a system, or undefined where it must refuse the message, and does. */
function through(system: System, message: Envelope): { got: Envelope; wanted: Envelope } | undefined {
  const why = refused(message, system.traits);
  if (why !== undefined) {
    assert.throws(
      () => system.trip(message),
      (error) => error instanceof JunctionError && error.code === 'invalid-message',
      `${system.name} takes a message though ${why}`,
    );
    return undefined;
  }
  return {
    got: system.trip(message),
    wanted: { ...kept(message, system.traits, now), address: system.address },
  };
}

const unordered = (...all: System[]): boolean => all.some(({ traits }) => traits.headerOrder === 'lost');
const supplied = (...all: System[]) => all.flatMap(({ traits }) => traits.supplies ?? []);

describe('any message', () => {
  for (const system of systems)
    it(`comes back from ${system.name} but for what its traits declare`, () => {
      fc.assert(
        fc.property(messagesOf(everything, 'anywhere', now), (message) => {
          const trip = through(system, message);
          if (trip)
            assertSame(trip.got, trip.wanted, {
              supplied: supplied(system),
              unordered: unordered(system),
              what: system.name,
            });
        }),
        settings,
      );
    });
});

describe('a message that a protocol can hold', () => {
  for (const home of systems)
    it(`goes from ${home.name} to any other and back`, () => {
      fc.assert(
        fc.property(messagesOf(home.traits, home.address, now), (sent) => {
          const first = home.trip(sent);
          assertSame(first, sent, { supplied: [], unordered: unordered(home), what: home.name });
          for (const away of systems) {
            const there = through(away, first);
            if (!there) continue;
            // What is rounded on the way may be more than its home holds.
            const wanted = { ...kept(there.wanted, home.traits, now), address: home.address };
            assertSame(home.trip(there.got), wanted, {
              supplied: supplied(home, away),
              unordered: unordered(home, away),
              what: `${home.name} → ${away.name} → ${home.name}`,
            });
          }
        }),
        settings,
      );
    });
});
