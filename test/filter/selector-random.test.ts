import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FilterSyntaxError } from '../../src/core/condition.ts';
import type { Header } from '../../src/core/envelope.ts';
import { compileSelector } from '../../src/filter/selector.ts';
import { likeTest, renewSteps } from '../../src/filter/selector/like.ts';
import { message } from '../helpers.ts';

/** What a random selector is made of, so that some of them are right. */
const pieces = fc.constantFrom(
  ...['a', 'b', 'n', '"x-y"', "'DE'", "'%_!'", '1', '2.5', '0x1F', '1e3', '=', '<>', '<', '<=', '>', '>='],
  ...['(', ')', ',', '+', '-', '*', '/', 'AND', 'OR', 'NOT', 'BETWEEN', 'IN', 'LIKE', 'ESCAPE', 'IS', 'NULL'],
  ...['TRUE', 'FALSE', "'", '"', '!', '.', 'hyphenated_props:', '\u0000', '😀', '\ud800'],
);

const headers: Header[] = [
  ['a', 1, 'int'],
  ['b', 'DE'],
  ['n', null],
];

/** A condition with what it means by a second way of reckoning: SQL's truth as 0, ½ (unknown), 1. */
interface Sample {
  readonly text: string;
  readonly truth: number;
}

const numbers: [text: string, value: number | undefined][] = [
  ['a', 1],
  ['n', undefined],
  ['2.5', 2.5],
  ['a + 2', 3],
  ['(a - 4) * 2', -6],
  ['-a', -1],
  ['n * 3', undefined],
];
const operators: Record<string, (a: number, b: number) => boolean> = {
  '=': (a, b) => a === b,
  '<>': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>=': (a, b) => a >= b,
};
const comparison: fc.Arbitrary<Sample> = fc
  .tuple(fc.constantFrom(...numbers), fc.constantFrom(...Object.keys(operators)), fc.constantFrom(...numbers))
  .map(([[one, a], op, [other, b]]) => ({
    text: `${one} ${op} ${other}`,
    truth: a === undefined || b === undefined ? 0.5 : Number(operators[op]!(a, b)),
  }));
const fixed: fc.Arbitrary<Sample> = fc.constantFrom(
  { text: "b LIKE 'D%'", truth: 1 },
  { text: "b NOT IN ('DE', 'FR')", truth: 0 },
  { text: 'n BETWEEN 1 AND 2', truth: 0.5 },
  { text: 'a BETWEEN 1 AND 2', truth: 1 },
  { text: 'n IS NULL', truth: 1 },
  { text: 'FALSE', truth: 0 },
);
/** SQL's AND is the least of its operands, OR the greatest, NOT the rest to 1. */
const { condition } = fc.letrec<{ condition: Sample }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    comparison,
    fixed,
    tie('condition').map(({ text, truth }) => ({ text: `NOT (${text})`, truth: 1 - truth })),
    fc.array(tie('condition'), { minLength: 2, maxLength: 4 }).map((list) => ({
      text: list.map(({ text }) => `(${text})`).join(' AND '),
      truth: Math.min(...list.map(({ truth }) => truth)),
    })),
    // without parentheses AND binds closer
    fc.tuple(comparison, comparison, comparison).map(([x, y, z]) => ({
      text: `${x.text} OR ${y.text} AND NOT ${z.text}`,
      truth: Math.max(x.truth, Math.min(y.truth, 1 - z.truth)),
    })),
  ),
}));

describe('selectors, at random', () => {
  it('of any text compile or tell what is wrong', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(pieces, { maxLength: 14 }).map((words) => words.join(' ')),
      fc.array(pieces, { maxLength: 14 }).map((words) => words.join('')),
    );
    const subject = message('a', 1, { headers });
    let right = 0;
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const condition = compileSelector(text);
          right++;
          assert.equal(typeof condition.matches(subject), 'boolean');
        } catch (error) {
          if (!(error instanceof FilterSyntaxError)) throw error;
          assert.ok(error.offset >= 0 && error.offset <= text.length, `${error.offset} of ${text.length}`);
        }
      }),
      { numRuns: 3000 },
    );
    assert.ok(right > 0);
  });

  it('mean what a second way of reckoning says', () => {
    const subject = message('a', 1, { headers });
    fc.assert(
      fc.property(condition, ({ text, truth }) => {
        assert.equal(compileSelector(text).matches(subject), truth === 1, text);
        assert.equal(compileSelector(`NOT (${text})`).matches(subject), truth === 0, `NOT (${text})`);
      }),
      { numRuns: 500 },
    );
  });

  it('find by LIKE what a regular expression finds', () => {
    const few = fc.array(fc.constantFrom('a', 'b', '%', '_', '!', '😀', '\n'), { maxLength: 8 });
    fc.assert(
      fc.property(few, few, (pattern, text) => {
        let source = '';
        for (const char of pattern) source += char === '%' ? '.*' : char === '_' ? '.' : char;
        renewSteps();
        const found = new RegExp(`^(?:${source})$`, 'su').test(text.join(''));
        assert.equal(likeTest(pattern.join(''), undefined)(text.join('')), found);
      }),
      { numRuns: 3000 },
    );
  });

  it('never take long for a LIKE', () => {
    const text = 'a'.repeat(1_000_000);
    renewSteps();
    assert.equal(likeTest('%a'.repeat(5000) + '%b', undefined)(text), false);
    assert.equal(likeTest('%a_b'.repeat(20) + '%', undefined)('a'.repeat(10_000)), false);
    assert.throws(() => likeTest(`%_${'a'.repeat(30_000)}b%`, undefined)(text), /too long/);
    // each of many is quick
    const many = compileSelector(Array.from({ length: 2500 }, () => "t LIKE '%_a_b_a%'").join(' OR '));
    assert.throws(() => many.matches(message('a', 1, { headers: [['t', text]] })), {
      code: 'invalid-message',
    });
  });
});
