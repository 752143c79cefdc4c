import { dirname, isAbsolute, join } from 'node:path';
import type { Configuration } from '../config/load.ts';
import { JunctionError } from '../core/errors.ts';
import { plain } from '../core/plain-text.ts';
import type { DeadLetter } from '../core/storage.ts';
import { differences, letterDifferences } from './compare.ts';
import type { RouteTest } from './test-file.ts';
import { Trial, type Sent, type Tried } from './trial.ts';
import { bodyText, headerText, letterText } from './text.ts';
import { toEnvelope } from './written-message.ts';

/** A test and where it is written. */
export interface LocatedTest {
  readonly test: RouteTest;
  readonly file: string;
  readonly line: number;
}

export interface TestResult extends LocatedTest {
  /** What is not as expected, one line each; none where it passes. */
  readonly problems: readonly string[];
  /** Ms it took. */
  readonly ms: number;
}

const answerHint =
  'an answer is known by the id of its request: give that an id, and the answer the same as correlation_id';

/** Runs one test by itself. */
export async function runTest(configuration: Configuration, located: LocatedTest): Promise<TestResult> {
  const began = performance.now();
  let problems: string[];
  try {
    problems = await problemsOf(configuration, located);
  } catch (error) {
    problems = [error instanceof JunctionError ? error.message : String((error as Error).message)];
  }
  return { ...located, problems, ms: performance.now() - began };
}

async function problemsOf(configuration: Configuration, { test, file }: LocatedTest): Promise<string[]> {
  const resolve = (path: string): string => (isAbsolute(path) ? path : join(dirname(file), path));
  const now = Date.now();
  const trial = new Trial(configuration, test, now);
  const given = Array.isArray(test.given) ? test.given : [test.given];
  let tried: Tried | undefined;
  const sent: Sent[] = [];
  const letters: DeadLetter[] = [];
  for (const { endpoint, address, ...written } of given) {
    tried = await trial.publish(endpoint, await toEnvelope(written, address, now, resolve));
    sent.push(...tried.sent);
    letters.push(...tried.letters);
  }
  const { outcome, said } = tried!;
  const problems: string[] = [];
  if (outcome.state !== test.outcome)
    problems.push(
      `outcome: expected ${test.outcome}, got ${outcome.state}${'error' in outcome ? `: ${outcome.error.message}` : ''}`,
    );
  const expected = test.expect === 'nothing' ? [] : test.expect;
  for (const each of expected) {
    if ('dead_letter' in each) {
      const found = closest(letters, (letter) => letterDifferences(each.dead_letter, letter));
      take(await found, letters, `dead letter ${JSON.stringify(each.dead_letter)}`, problems);
    } else {
      const there = sent.filter(({ endpoint }) => endpoint === each.endpoint);
      const found = closest(there, (one) => differences(each, one, now, resolve));
      const where = `message at ${each.endpoint}${each.address === undefined ? '' : ` ${each.address}`}`;
      take(await found, sent, where, problems);
    }
  }
  problems.push(...sent.map((one) => `unexpected message ${sentText(one)}`));
  problems.push(...letters.map((letter) => plain(`unexpected ${letterText(letter)}`)));
  if (problems.length > 0) problems.push(...said.map((line) => plain(`the gateway says: ${line}`)));
  if (problems.length > 0 && 'error' in outcome && outcome.error.code === 'no-route')
    problems.push(answerHint);
  return problems;
}

/** The one with the fewest differences. */
async function closest<One>(
  all: readonly One[],
  compare: (one: One) => string[] | Promise<string[]>,
): Promise<{ one: One; wrong: string[] } | undefined> {
  let best: { one: One; wrong: string[] } | undefined;
  for (const one of all) {
    const wrong = await compare(one);
    if (!best || wrong.length < best.wrong.length) best = { one, wrong };
  }
  return best;
}

function take<One>(
  found: { one: One; wrong: string[] } | undefined,
  all: One[],
  what: string,
  problems: string[],
): void {
  if (!found) problems.push(`expected ${what}, got none`);
  else {
    all.splice(all.indexOf(found.one), 1);
    problems.push(...found.wrong.map((line) => plain(`${what}: ${line}`)));
  }
}

function sentText({ endpoint, address, arrives }: Sent): string {
  const headers = arrives.headers.map((header) => `${header[0]}: ${headerText(header)}`).join(', ');
  return plain(
    `at ${endpoint} ${address}: ${bodyText(arrives.body)}${headers === '' ? '' : ` with ${headers}`}`,
  );
}
