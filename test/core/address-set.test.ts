import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parsePattern, type AddressPattern, type AddressSyntax } from '../../src/core/address.ts';
import { uncovered } from '../../src/core/address-cover.ts';
import { setOfAddress, setOfPattern, setOfTemplate, type AddressSet } from '../../src/core/address-set.ts';
import { PatternIndex } from '../../src/core/pattern-index.ts';
import { parseTemplate, renderTemplate } from '../../src/core/template.ts';

const mqtt: AddressSyntax = { separators: '/', one: ['+'], rest: ['#'], maxBytes: 1000, hidden: '$' };
/** A protocol with two separators. */
const stomp: AddressSyntax = { separators: './', one: ['*'], rest: ['>'], maxBytes: 1000 };

/** Pieces from few words, so that patterns and addresses meet. */
const segmentOf = ({ separators }: AddressSyntax, word: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...separators), word).map((parts) => parts.join(''));

const word = fc.constantFrom('a', 'b', '$s', '', 'xyz', 'c');

const addressOf = (syntax: AddressSyntax): fc.Arbitrary<string> =>
  fc
    .tuple(word, fc.array(segmentOf(syntax, word), { maxLength: 4 }))
    .map(([first, others]) => first + others.join(''))
    .filter((address) => address !== '');

/** Every address of up to three segments of four words: two patterns of so many meet there if they meet at all. */
function addressesOf({ separators }: AddressSyntax): string[] {
  const words = ['a', 'b', '$s', 'z'];
  const longer = (addresses: readonly string[]): string[] =>
    addresses.flatMap((address) =>
      [...separators].flatMap((separator) => words.map((each) => address + separator + each)),
    );
  const two = longer(words);
  return [...words, ...two, ...longer(two)];
}

function patternOf(syntax: AddressSyntax, middle = 3): fc.Arbitrary<AddressPattern> {
  const wild = fc.constantFrom('a', 'b', '$s', syntax.one[0]!, '{c}');
  const last = fc.constantFrom('a', syntax.one[0]!, syntax.rest[0]!, '{c...}');
  return fc
    .tuple(
      wild,
      fc.array(segmentOf(syntax, wild), { maxLength: middle }),
      fc.option(segmentOf(syntax, last)),
      last,
    )
    .map(([first, others, end, only]) =>
      others.length === 0 && end === null ? only : [first, ...others, end ?? ''].join(''),
    )
    .map(numbered)
    .map((text) => parsePattern(text, syntax));
}

/** Gives each capture a name of its own. */
function numbered(text: string): string {
  let count = 0;
  return text.replaceAll('{c', () => `{c${count++}`);
}

function matches(patterns: readonly AddressPattern[], address: string, syntax: AddressSyntax): boolean {
  const index = new PatternIndex<number>(syntax);
  patterns.forEach((pattern, n) => index.add(pattern, n));
  return index.match(address).length > 0;
}

for (const [name, syntax] of Object.entries({ mqtt, stomp })) {
  describe(`address sets: ${name}`, () => {
    const pattern = patternOf(syntax);
    const patterns = fc.array(pattern, { maxLength: 4 });

    it('where policies cover a pattern no address matches it alone; where not, the address told does', () => {
      let covered = 0;
      fc.assert(
        fc.property(
          pattern,
          patterns,
          fc.array(addressOf(syntax), { minLength: 20 }),
          (asked, allowed, addresses) => {
            const escaped = uncovered(setOfPattern(asked, syntax), allowed, syntax);
            if (escaped === undefined) {
              covered++;
              for (const address of addresses)
                if (matches([asked], address, syntax)) assert.ok(matches(allowed, address, syntax), address);
            } else {
              assert.ok(matches([asked], escaped, syntax), `${escaped} is none of ${asked.text}`);
              assert.ok(!matches(allowed, escaped, syntax), `${escaped} is covered`);
            }
          },
        ),
        { numRuns: 3000, seed: 11 },
      );
      assert.ok(covered > 300, `only ${covered} were covered`);
    });

    it('patterns overlap exactly where an address matches both', () => {
      const all = addressesOf(syntax);
      const short = patternOf(syntax, 1);
      let met = 0;
      fc.assert(
        fc.property(short, short, (one, other) => {
          const index = new PatternIndex<true>(syntax);
          index.add(other, true);
          const both = all.find(
            (address) => matches([one], address, syntax) && matches([other], address, syntax),
          );
          const overlap = index.overlapping(setOfPattern(one, syntax)).size > 0;
          assert.equal(overlap, both !== undefined, `${one.text} and ${other.text}: ${both}`);
          if (overlap) met++;
        }),
        { numRuns: 400, seed: 5 },
      );
      assert.ok(met > 40, `only ${met} met`);
    });

    it('a template makes nothing beyond its set', () => {
      const part = fc.constantFrom(
        'a',
        'b',
        '{c0}',
        'a{c0}',
        '{c0}{c1}',
        '{r}',
        'x-{r}',
        '{c0!raw}',
        '{r!raw}b',
      );
      const template = fc
        .tuple(part, fc.array(segmentOf(syntax, part), { maxLength: 3 }))
        .map(([first, others]) => first + others.join(''));
      const [dash] = syntax.separators;
      const from = parsePattern(`{c0}${dash}{c1}${dash}{r...}`, syntax);
      const value = fc.constantFrom('a', 'b', '$s', '', `b${dash}a`, 'c');
      let made = 0;
      fc.assert(
        fc.property(
          template,
          value,
          value,
          fc.array(value, { minLength: 1, maxLength: 3 }),
          patterns,
          (text, c0, c1, r, allowed) => {
            const parsed = parseTemplate(text, from.captures);
            const captures = new Map<string, string | string[]>([
              ['c0', c0],
              ['c1', c1],
              ['r', r],
            ]);
            let address: string;
            try {
              address = renderTemplate(parsed, captures, { ...syntax });
            } catch {
              return;
            }
            made++;
            const set: AddressSet = setOfTemplate(parsed, from, syntax);
            // what can be sent to may begin with what a wildcard does not match
            const plain = { ...syntax, hidden: '' };
            if (uncovered(set, allowed, plain) === undefined)
              assert.ok(matches(allowed, address, plain), address);
            const index = new PatternIndex<true>(syntax);
            index.add(parsePattern(address, syntax, false), true);
            assert.ok(index.overlapping(set).size > 0, `${address} of ${text}`);
            for (const each of allowed) {
              const one = new PatternIndex<true>(syntax);
              one.add(each, true);
              if (one.match(address).length > 0)
                assert.ok(one.overlapping(set).size > 0, `${each.text} ${text}`);
            }
          },
        ),
        { numRuns: 3000, seed: 17 },
      );
      assert.ok(made > 500, `only ${made} were made`);
    });
  });
}

describe('address sets', () => {
  const allows = (asked: string, ...allowed: string[]): boolean =>
    uncovered(
      setOfPattern(parsePattern(asked, stomp), stomp),
      allowed.map((each) => parsePattern(each, stomp)),
      stomp,
    ) === undefined;

  it('several patterns together cover what none of them does', () => {
    assert.ok(allows('a.>', 'a', 'a.*', 'a.*.{r...}', 'a.*/{r...}'));
    assert.ok(!allows('a.>', 'a', 'a.*', 'a.*.{r...}'), 'a.b/c');
    assert.ok(allows('a.{x}', 'a.>'));
    assert.ok(allows('a.>', 'a', 'a.{x...}'));
    assert.ok(!allows('a.>', 'a.{x...}'));
    assert.ok(!allows('a.*', 'a.b', 'a.c'));
    assert.ok(!allows('a.*', 'a/*'));
  });

  it('a part of a segment tells addresses apart', () => {
    const from = parsePattern('{x}', mqtt);
    const index = new PatternIndex<string>(mqtt);
    for (const text of ['shop-1/a', 'office/a', '+/a', '#']) index.add(parsePattern(text, mqtt), text);
    const set = setOfTemplate(parseTemplate('shop-{x}/a', ['x']), from, mqtt);
    assert.deepEqual([...index.overlapping(set)].sort(), ['#', '+/a', 'shop-1/a']);
    assert.deepEqual([...index.overlapping(setOfAddress('office/a', mqtt))].sort(), ['#', '+/a', 'office/a']);
  });
});
