import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EnvelopeInit } from '../../src/core/envelope.ts';
import { parseValueTemplate, renderValue } from '../../src/core/value-template.ts';
import { message } from '../helpers.ts';

const render = (
  text: string,
  over: Partial<EnvelopeInit> = {},
  captures: Record<string, string | string[]> = {},
) =>
  renderValue(
    parseValueTemplate(text, Object.keys(captures)),
    new Map(Object.entries(captures)),
    message('a', 1, over),
  );

describe('value templates', () => {
  it('put in captures, headers, id and key as text', () => {
    const over: Partial<EnvelopeInit> = {
      id: 5n,
      key: 'k',
      headers: [
        ['n', 12n],
        ['n', 'second'],
        ['bytes', Uint8Array.of(1, 2)],
        ['a.b', true],
      ],
    };
    assert.equal(render('{p}|{rest}|{{x}}', {}, { p: 'one', rest: ['a', 'b'] }), 'one|a/b|{x}');
    assert.equal(render('{header.n}-{header.bytes}-{header.a.b}', over), '12-AQI=-true');
    assert.equal(render('{id} {key}', over), 'AMQP_ULONG:5 k');
    assert.equal(render('{key}', over, { key: 'captured' }), 'captured');
    assert.equal(render('{header.constructor}', over), undefined);
  });

  it('have no value where the message lacks a part', () => {
    assert.equal(render('x{key}'), undefined);
    assert.equal(render('x{id}'), undefined);
    assert.equal(render('{header.a}', { headers: [['a', null]] }), undefined);
  });

  for (const [text, message, offset] of [
    ['a}b', /"}" without/, 1],
    ['ab{x', /"{" without/, 2],
    ['{y}', /known are \{x\}, \{id\}, .*\{header\.NAME\}/, 0],
    ['a{header.}', /\{header\.\} is not known/, 1],
  ] as const)
    it(`say what is wrong with ${text}`, () =>
      assert.throws(
        () => parseValueTemplate(text, ['x']),
        (error: Error & { offset: number }) => message.test(error.message) && error.offset === offset,
      ));
});
