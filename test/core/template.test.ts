import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AddressSyntaxError, type AddressSyntax } from '../../src/core/address.ts';
import { JunctionError } from '../../src/core/errors.ts';
import { parseTemplate, renderTemplate } from '../../src/core/template.ts';

const amqp: AddressSyntax = { separators: '.', one: ['*'], rest: ['#'], maxBytes: 20 };
const render = (text: string, captures: Record<string, string | string[]>) =>
  renderTemplate(parseTemplate(text, Object.keys(captures)), new Map(Object.entries(captures)), amqp);

describe('templates', () => {
  it('fill in captures, join a rest with the separator of the target, and know braces', () => {
    assert.equal(render('telemetry.{plant}', { plant: 'p1' }), 'telemetry.p1');
    assert.equal(render('t-{plant}-{n}', { plant: 'p1', n: '2' }), 't-p1-2');
    assert.equal(render('t.{rest}', { rest: ['a', 'b'] }), 't.a.b');
    assert.equal(render('{{x}}', {}), '{x}');
    assert.equal(render('{p!raw}', { p: 'a.b' }), 'a.b');
  });

  for (const value of ['a.b', '*', 'x#y'])
    it(`refuse a value that would name another address: ${value}`, () => {
      assert.throws(
        () => render('t.{p}', { p: value }),
        (e: unknown) =>
          e instanceof JunctionError &&
          e.code === 'invalid-message' &&
          !e.retryable &&
          /!raw/.test(e.message),
      );
    });

  it('refuse control characters, emptiness and what is too long', () => {
    assert.throws(() => render('t.{p}', { p: 'a\nb' }), /control character/);
    assert.throws(() => render('{p!raw}', { p: 'a\u0000b' }), /control character/);
    assert.throws(() => render('{p}', { p: '' }), /empty/);
    assert.throws(() => render('{p}', { p: 'ä'.repeat(11) }), /longer than 20 bytes/);
  });

  const faults: [string, string[], RegExp, number][] = [
    ['t.{x}', ['y'], /\{x\} is not bound: from\.address binds \{y\}/, 2],
    ['t.{x}', [], /binds no captures/, 2],
    ['t.{x', ['x'], /placeholder/, 2],
    ['t.}', [], /"}" without "{"/, 2],
    ['t.{x!y}', ['x'], /placeholder/, 2],
  ];
  for (const [text, bound, message, offset] of faults)
    it(`refuse "${text}"`, () => {
      assert.throws(
        () => parseTemplate(text, bound),
        (e: unknown) => e instanceof AddressSyntaxError && message.test(e.message) && e.offset === offset,
      );
    });
});
