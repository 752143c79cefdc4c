import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FilterSyntaxError } from '../../src/core/condition.ts';
import { Uuid, type EnvelopeInit } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import { compileCel } from '../../src/filter/cel.ts';
import { compileCondition, conditionSchema } from '../../src/filter/schema.ts';
import { message } from '../helpers.ts';

const order = {
  amount: 150,
  total: 21.5,
  customer: { name: 'Ann', vip: true },
  lines: [{ qty: 0 }, { qty: 3 }],
  nothing: null,
  constructor: 5,
};
const json = JSON.stringify(order).replace('"amount"', '"__proto__":{"a":1},"amount"');

const evaluate = (text: string, over: Partial<EnvelopeInit> = {}, body: string = json): boolean =>
  compileCel(text).matches(message('orders.new', body, over));

const fails = (run: () => unknown, says: RegExp): void =>
  assert.throws(run, (error) => {
    assert.ok(error instanceof JunctionError, String(error));
    assert.equal(error.code, 'invalid-message');
    assert.match(error.message, says);
    return true;
  });

describe('CEL', () => {
  it('looks into JSON bodies', () => {
    for (const text of [
      'body.amount > 100',
      'body.amount == 150 && body.total == 21.5',
      'body.amount * 2 + 1 == 301 && body.total * 2 == 43 && body.amount % 4 == 2 && 300 / body.amount == 2',
      'body.customer.vip && body.customer.name.startsWith("A")',
      'body.lines.exists(line, line.qty > 2) && !body.lines.all(line, line.qty > 0) && size(body.lines) == 2',
      'body.nothing == null && !has(body.missing) && has(body.nothing)',
      'has(body.missing) && body.missing > 1 || body.amount in [150, 200]',
      'body["__proto__"].a == 1 && body.constructor == 5 && !("toString" in body)',
    ])
      assert.equal(evaluate(text), true, text);
    assert.equal(evaluate('body.amount > 150'), false);
  });

  it('knows headers and fields', () => {
    const over: Partial<EnvelopeInit> = {
      id: 'm1',
      correlationId: 7n,
      key: 'k',
      subject: 'Order',
      contentType: 'application/json',
      replyTo: 'replies',
      priority: 7,
      timestamp: Date.parse('2024-05-06T07:08:09Z'),
      headers: [
        ['n', 5, 'int'],
        ['n', 6, 'int'],
        ['d', 1.5],
        ['big', 9_007_199_254_740_993n],
        ['text', '150'],
        ['when', 0, 'timestamp'],
        ['uuid', new Uuid('12345678-1234-1234-1234-123456789abc')],
        ['bytes', Buffer.from('ab')],
        ['null', null],
        ['constructor', 'c'],
        ['x-type', 'order'],
      ],
    };
    for (const text of [
      'id == "m1" && correlationId == "AMQP_ULONG:7" && key == "k" && subject == "Order" && replyTo == "replies"',
      'contentType.endsWith("json") && contentEncoding == null && address == "orders.new"',
      'priority == 7 && durable && !retain && deliveryCount == 0 && expiresAt == null',
      'timestamp > timestamp("2024-01-01T00:00:00Z") && timestamp.getFullYear() == 2024',
      'headers.n == 5 && headers.n % 2 == 1 && headers.d * 2 == 3 && headers.big == 9007199254740993',
      'double(headers.text) > 100 && headers.text == "150" && headers.when == timestamp("1970-01-01T00:00:00Z")',
      'headers.uuid == "12345678-1234-1234-1234-123456789abc" && headers.bytes == b"ab" && headers["null"] == null',
      'headers["x-type"] == "order" && headers.constructor == "c" && !("missing" in headers) && !has(headers.missing)',
    ])
      assert.equal(evaluate(text, over), true, text);
    assert.equal(evaluate('subject == "Order"'), false, 'a field that is not set is null');
    assert.equal(evaluate('priority == 4'), true);
  });

  it('reads bodies by their content type', () => {
    assert.equal(evaluate('body > 20', {}, '21.5'), true);
    assert.equal(evaluate('body == "hello"', {}, 'hello'), true);
    assert.equal(evaluate('body == "5"', { contentType: 'text/plain; charset=utf-8' }, '5'), true);
    assert.equal(evaluate('body.amount == 150.0', { contentType: 'application/Vnd.Order+JSON' }), true);
    assert.equal(evaluate('body == null', { body: null }), true);
    assert.equal(evaluate('body == b"\\xff\\x01"', { body: Buffer.from([255, 1]) }), true);
    assert.equal(evaluate('body == "x"', { bodyType: 'string' }, 'x'), true);
    const decoders = (type: string) =>
      type === 'application/x-half' ? (body: Uint8Array) => ({ half: body.length / 2 }) : undefined;
    const half = message('a', 'abc', { contentType: 'application/x-half' });
    assert.equal(compileCel('body.half == 1.5', { decoders }).matches(half), true);
  });

  it('tells large whole numbers of a body apart', () => {
    const large =
      '{"id":9007199254740993,"big":-12345678901234567,"small":5,"f":0.12345678901234567,"id2":1,"id2":2}';
    for (const text of [
      'body.id == 9007199254740993 && body.id != 9007199254740992 && body.id > 9007199254740992',
      'body.big == -12345678901234567 && body.small * 2 == 10 && body.f < 0.2 && body.id2 == 2',
    ])
      assert.equal(evaluate(text, {}, large), true, text);
  });

  it('cannot judge what it cannot read', () => {
    const is = { contentType: 'application/json' };
    fails(() => evaluate('body.missing > 1'), /body\.missing > 1: No such key: missing at character 6/);
    fails(
      () => evaluate('body.customer > 1'),
      /body\.customer is a map, compared with a whole number at character 1$/,
    );
    fails(
      () => evaluate('100 < body.customer.name'),
      /body\.customer\.name is a text, compared with a whole number: write double\(body\.customer\.name\)/,
    );
    fails(() => evaluate('body.nothing > 1'), /body\.nothing is null, .*: ask first, body\.nothing != null/);
    fails(
      () => evaluate('body.lines.exists(each, each.qty + "x" == "x")'),
      /each\.qty is a number, used by "\+" with a text/,
    );
    fails(() => evaluate('body.amount'), /neither true nor false/);
    fails(() => evaluate('body.a', is, '{"a":'), /body cannot be decoded/);
    fails(() => evaluate('body.a', { ...is, body: Buffer.from([0xff]) }), /not UTF-8/);
    fails(() => evaluate('body.a', { contentEncoding: 'gzip' }), /content encoding is gzip/);
    fails(() => evaluate('body.a', { bodyType: 'value' }), /an AMQP value/);
    fails(() => evaluate('body.a', { body: Buffer.alloc((1 << 20) + 1, 0x20) }), /more than 1048576/);
    for (const nested of [
      '['.repeat(129) + ']'.repeat(129),
      '['.repeat(500_000),
      `${'[{"a":'.repeat(150_000)}1`,
    ])
      fails(() => evaluate('body.a', is, nested), /body cannot be decoded/);
    assert.equal(evaluate('priority == 4', is, '{'), true, 'a body is not decoded unless it is asked for');
  });

  it('tells beforehand what is wrong and where', () => {
    const mistakes: [text: string, offset: number, says: RegExp][] = [
      ['body.amount >', 13, /^the expression ends too early$/],
      ['body.amount >> 1', 13, /^">" is not expected here$/],
      ['body.amount = 1', 12, /^CEL compares with "=="; "=" is the selector syntax$/],
      ['body.amount <> 1', 13, /^CEL writes "!=" for "<>"/],
      ['true AND true', 5, /^CEL writes "&&" for AND$/],
      ['not true', 4, /^CEL writes "!" for NOT$/],
      ['true &&& true', 7, /^CEL writes "&&"$/],
      ['(true', 5, /^"\)" is missing here$/],
      ['', 0, /ends too early/],
      ['priority > 3 && amount > 5', 16, /Unknown variable: amount/],
      ['priority > "x"', 0, /^priority is a whole number, compared with a text$/],
      ['true && nope(1)', 8, /no matching overload/],
      ['priority + 1', 0, /type int/],
      ['"text"', 0, /type string/],
      ['headers', 0, /type map/],
      [`${'('.repeat(300)}true${')'.repeat(300)}`, 64, /maxDepth/i],
      ['x'.repeat(65_537), 65_536, /at most 65536/],
    ];
    for (const [text, offset, says] of mistakes)
      assert.throws(
        () => compileCel(text),
        (error) => {
          assert.ok(error instanceof FilterSyntaxError, String(error));
          assert.match(error.message, says);
          assert.equal(error.offset, offset, `${text.slice(0, 80)}: ${error.message}`);
          return true;
        },
      );
  });
});

describe('conditions as they are written', () => {
  it('are selectors or CEL', () => {
    const compile = (setting: unknown) => compileCondition(conditionSchema.parse(setting));
    const m = message('a', json, { headers: [['n', 5]] });
    assert.equal(compile('n = 5').matches(m), true);
    assert.equal(compile({ selector: 'n = 6' }).matches(m), false);
    assert.equal(compile({ cel: 'body.amount == 150 && headers.n == 5' }).matches(m), true);
    assert.equal(compile({ cel: 'true' }).text, 'true');
    for (const wrong of ['', 5, {}, { cel: '' }, { cel: 'true', selector: 'n = 5' }, { js: 'true' }, null])
      assert.throws(() => conditionSchema.parse(wrong));
    assert.throws(() => compile({ cel: 'nope' }), FilterSyntaxError);
  });
});
