import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  AddressSyntaxError,
  parsePattern,
  splitAddress,
  type AddressSyntax,
} from '../../src/core/address.ts';
import { PatternIndex } from '../../src/core/pattern-index.ts';

const mqtt: AddressSyntax = { separators: '/', one: ['+'], rest: ['#'], maxBytes: 65_535, hidden: '$' };
const amqp: AddressSyntax = { separators: '.', one: ['*'], rest: ['#'], maxBytes: 255 };
const stomp: AddressSyntax = { separators: '/.', one: ['*'], rest: ['>', '#'], maxBytes: 255 };

describe('addresses', () => {
  it('are split before each separator, so that nothing is lost', () => {
    for (const address of ['a/b', '/a', 'a//b', 'a/', '', '/topic/a.b'])
      assert.equal(splitAddress(address, '/.').join(''), address);
    assert.deepEqual(splitAddress('/topic/a.b', '/.'), ['', '/topic', '/a', '.b']);
  });

  const cases: [AddressSyntax, pattern: string, address: string, captures: Record<string, unknown> | null][] =
    [
      [mqtt, 'plants/{plant}/telemetry', 'plants/p1/telemetry', { plant: 'p1' }],
      [mqtt, 'plants/{plant}/telemetry', 'plants//telemetry', { plant: '' }],
      [mqtt, 'plants/{plant}/telemetry', 'plants/p1/p2/telemetry', null],
      [mqtt, 'plants/{plant}/telemetry', 'plants/p1', null],
      [mqtt, 'a/+', 'a/b', {}],
      [mqtt, 'a/+', 'a', null],
      [mqtt, '+', '/a', null],
      [mqtt, '+/+', '/a', {}],
      [mqtt, '/+', '/a', {}],
      [mqtt, '#', '/a/b', {}],
      [mqtt, '#', '', {}],
      [mqtt, 'a/#', 'a', {}],
      [mqtt, 'a/#', 'a/b/c', {}],
      [mqtt, 'a/#', 'ab', null],
      [mqtt, '#', '$SYS/x', null],
      [mqtt, '+/x', '$SYS/x', null],
      [mqtt, '{first}/x', '$SYS/x', null],
      [mqtt, '$SYS/#', '$SYS/x', {}],
      [mqtt, 'a/{rest...}', 'a/b/c', { rest: ['b', 'c'] }],
      [mqtt, 'a/{rest...}', 'a', null],
      [mqtt, '{all...}', 'a/b', { all: ['a', 'b'] }],
      [mqtt, '{a}/{b}', 'x/y', { a: 'x', b: 'y' }],
      [amqp, 'telemetry.*', 'telemetry.p1', {}],
      [amqp, 'telemetry.*', 'telemetry.p1.x', null],
      [amqp, 'telemetry.{p}', 'telemetry.a/b', { p: 'a/b' }],
      [stomp, '/topic/telemetry.{plant}', '/topic/telemetry.p1', { plant: 'p1' }],
      [stomp, '/topic/telemetry.{plant}', '/topic/telemetry/p1', null],
      [stomp, '/topic/>', '/topic/a.b/c', {}],
      [stomp, '/topic/{rest...}', '/topic/a.b/c', null],
      [stomp, '/queue/orders', '/queue/orders', {}],
    ];
  for (const [syntax, text, address, expected] of cases) {
    // a rest is bound to the separator it was written with, so /topic/{rest...} takes what follows a slash
    const wanted = text === '/topic/{rest...}' ? { rest: ['a', 'b', 'c'] } : expected;
    it(`${text} ${wanted ? 'matches' : 'does not match'} "${address}"`, () => {
      const index = new PatternIndex<string>(syntax);
      index.add(parsePattern(text, syntax), text);
      const found = index.match(address);
      assert.equal(found.length, wanted ? 1 : 0);
      if (wanted) assert.deepEqual(Object.fromEntries(found[0]!.captures), wanted);
    });
  }

  const faults: [AddressSyntax, string, RegExp, number][] = [
    [mqtt, 'a+/b', /must be a whole segment/, 1],
    [mqtt, 'a/#/b', /must be the last segment/, 1],
    [mqtt, 'a/{x}/{x}', /bound twice/, 5],
    [mqtt, 'a/{x...}/b', /must be the last segment/, 1],
    [mqtt, 'a/x{y}', /not a capture/, 3],
    [mqtt, 'a/{1}', /not a capture/, 2],
    [mqtt, '', /must not be empty/, 0],
    [amqp, 'a.b*', /must be a whole segment/, 3],
  ];
  for (const [syntax, text, message, offset] of faults)
    it(`refuses the pattern "${text}"`, () => {
      assert.throws(
        () => parsePattern(text, syntax),
        (error: unknown) =>
          error instanceof AddressSyntaxError && message.test(error.message) && error.offset === offset,
      );
    });

  it('finds every pattern that matches, and none after its removal', () => {
    const index = new PatternIndex<number>(mqtt);
    const patterns = ['a/b', 'a/+', '+/b', '#', 'a/#', 'a/{x}', 'c'].map((text) => parsePattern(text, mqtt));
    patterns.forEach((pattern, n) => index.add(pattern, n));
    const found = () =>
      index
        .match('a/b')
        .map((m) => m.value)
        .sort();
    assert.deepEqual(found(), [0, 1, 2, 3, 4, 5]);
    assert.ok(index.remove(patterns[1]!, 1));
    assert.ok(!index.remove(patterns[1]!, 1));
    assert.deepEqual(found(), [0, 2, 3, 4, 5]);
    assert.equal(index.size, 6);
  });

  it('agrees with a plain matcher on random patterns and addresses', () => {
    const words = ['a', 'b', '', '$s'];
    let seed = 7;
    const random = (n: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % n;
    const plain = (pattern: string, address: string): boolean => {
      const [p, a] = [pattern.split('/'), address.split('/')];
      if (a[0]!.startsWith('$') && ['+', '#'].includes(p[0]!)) return false;
      for (let i = 0; i < p.length; i++) {
        if (p[i] === '#') return true;
        if (i >= a.length || (p[i] !== '+' && p[i] !== a[i])) return false;
      }
      return p.length === a.length;
    };
    for (let round = 0; round < 5000; round++) {
      const make = (pool: string[]) =>
        Array.from({ length: 1 + random(4) }, () => pool[random(pool.length)]!).join('/');
      const text = make([...words, '+']) + (random(3) === 0 ? '/#' : '');
      const address = make(words);
      if (text === '') continue;
      const index = new PatternIndex<number>(mqtt);
      index.add(parsePattern(text, mqtt), 1);
      assert.equal(index.match(address).length === 1, plain(text, address), `${text} on ${address}`);
    }
  });
});
