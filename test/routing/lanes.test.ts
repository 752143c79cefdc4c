import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Envelope } from '../../src/core/envelope.ts';
import { JunctionError, type ErrorCode } from '../../src/core/errors.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Sink } from '../../src/core/protocol.ts';
import { retryPolicy } from '../../src/routing/route/retry.ts';
import { TargetQueue, type TargetQueueOwner } from '../../src/routing/targets/target-queue.ts';
import { message, textOf } from '../helpers.ts';

const policy = retryPolicy([{ backoff: { from: 1, to: 2 }, deadline: 60_000 }], false);

/** Tells the source of what fails, as a route without dead letters does. */
const plainOwner: TargetQueueOwner = {
  failedForGood: (_, error) => Promise.resolve({ state: 'rejected', error }),
  failedForNow: () => undefined,
  expired: () => undefined,
};

interface Sent {
  readonly number: number;
  readonly lane: string;
  readonly confirm: () => void;
  readonly fail: (code: ErrorCode) => void;
}

/** A peer whose answers come later, one at a time, as `answer` wills. */
class RandomPeer implements Sink {
  readonly underWay: Sent[] = [];
  readonly #answer: () => void;
  readonly #onSend: (number: number, lane: string) => void;
  #running = false;

  constructor(answer: (peer: RandomPeer) => void, onSend: (number: number, lane: string) => void) {
    this.#answer = () => answer(this);
    this.#onSend = onSend;
  }

  send(envelope: Envelope): Promise<void> {
    const number = Number(textOf(envelope.body));
    this.#onSend(number, envelope.key!);
    return new Promise((resolve, reject) => {
      const fail = (code: ErrorCode): void => reject(new JunctionError(code, 'no'));
      this.underWay.push({ number, lane: envelope.key!, confirm: resolve, fail });
      this.#run();
    });
  }

  take(sent: Sent): Sent {
    this.underWay.splice(this.underWay.indexOf(sent), 1);
    return sent;
  }

  #run(): void {
    if (this.#running) return;
    this.#running = true;
    setImmediate(() => {
      this.#running = false;
      this.#answer();
      if (this.underWay.length > 0) this.#run();
    });
  }
}

/** What is random about a run: where a message goes, what the peer says next, how many messages come at one time. */
const scenario = fc.record({
  lanes: fc.integer({ min: 1, max: 4 }),
  messages: fc.integer({ min: 1, max: 120 }),
  burst: fc.integer({ min: 1, max: 40 }),
  failing: fc.integer({ min: 0, max: 40 }),
  seed: fc.integer({ min: 1 }),
});

/** Numbers from 0 to 1 that depend on nothing but the seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

async function giveAll(
  queue: TargetQueue,
  lanes: number,
  messages: number,
  burst: number,
  random: () => number,
) {
  const outcomes: Promise<Outcome>[] = [];
  for (let n = 0; n < messages; n++) {
    const given = message('a', n, { key: `lane ${Math.floor(random() * lanes)}` });
    outcomes.push(queue.send(given, given, 'there'));
    if (n % burst === burst - 1) await new Promise((resolve) => setImmediate(resolve));
  }
  return Promise.all(outcomes);
}

describe('the lanes of a target', () => {
  it('deliver in order for the first time, lose nothing and add nothing, where a failure takes along what follows it', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ lanes, messages, burst, failing, seed }) => {
        const random = randomOf(seed);
        const delivered = new Map<string, number[]>();
        const refused = new Set<number>();
        const sentNumbers = new Set<number>();
        const record = ({ lane, number }: Sent): void => {
          const list = delivered.get(lane) ?? [];
          delivered.set(lane, list);
          if (!list.includes(number)) list.push(number);
        };
        const peer = new RandomPeer(
          ({ underWay }) => {
            const { lane } = underWay[Math.floor(random() * underWay.length)]!;
            const ofLane = underWay.filter((each) => each.lane === lane);
            const [first] = ofLane as [Sent, ...Sent[]];
            const dice = random() * 100;
            if (dice < failing) {
              // as when a connection ends: the rest of the lane fails as well; the first may have come through
              if (dice < failing / 3) record(first);
              for (const each of ofLane.toSorted(() => random() - 0.5))
                peer.take(each).fail(random() < 0.5 ? 'unavailable' : 'timeout');
            } else if (dice < failing + 5) {
              refused.add(first.number);
              peer.take(first).fail('refused');
            } else {
              record(first);
              peer.take(first).confirm();
            }
          },
          (number) => sentNumbers.add(number),
        );
        const queue = new TargetQueue(peer, policy, plainOwner);
        const outcomes = await giveAll(queue, lanes, messages, burst, random);
        queue.stop();
        const arrived = new Set([...delivered.values()].flat());
        outcomes.forEach(({ state }, n) => {
          assert.equal(state, refused.has(n) ? 'rejected' : 'accepted');
          assert.ok(refused.has(n) || arrived.has(n), `${n} is lost`);
        });
        assert.equal(sentNumbers.size, messages);
        for (const list of delivered.values())
          assert.deepEqual(
            list,
            list.toSorted((a, b) => a - b),
          );
      }),
      { numRuns: 150 },
    );
  });

  it('send nothing while an earlier message of the lane waits, whatever a target answers and when', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ lanes, messages, burst, failing, seed }) => {
        const random = randomOf(seed);
        const waiting = new Map<number, string>();
        const last = new Map<string, number>();
        const [confirmed, refused] = [new Set<number>(), new Set<number>()];
        const peer = new RandomPeer(
          ({ underWay }) => {
            const sent = peer.take(underWay[Math.floor(random() * underWay.length)]!);
            const dice = random() * 100;
            if (dice < failing) {
              waiting.set(sent.number, sent.lane);
              sent.fail('busy');
            } else if (dice < failing + 5) {
              refused.add(sent.number);
              sent.fail('invalid-message');
            } else {
              assert.ok(!confirmed.has(sent.number), 'what is confirmed is not sent again');
              confirmed.add(sent.number);
              sent.confirm();
            }
          },
          (number, lane) => {
            const again = waiting.delete(number);
            for (const [other, otherLane] of waiting)
              assert.ok(otherLane !== lane || other > number, `${number} was sent while ${other} waited`);
            if (!again) assert.ok(number > (last.get(lane) ?? -1), 'first attempts are in order');
            last.set(lane, Math.max(number, last.get(lane) ?? -1));
          },
        );
        const queue = new TargetQueue(peer, policy, plainOwner);
        const outcomes = await giveAll(queue, lanes, messages, burst, random);
        queue.stop();
        outcomes.forEach(({ state }, n) => assert.equal(state, refused.has(n) ? 'rejected' : 'accepted'));
        assert.equal(confirmed.size + refused.size, messages);
      }),
      { numRuns: 150 },
    );
  });
});
