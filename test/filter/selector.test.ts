import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Uuid, type EnvelopeInit, type Header } from '../../src/core/envelope.ts';
import { FilterSyntaxError } from '../../src/core/condition.ts';
import { compileSelector } from '../../src/filter/selector.ts';
import { message } from '../helpers.ts';

/** What JMS clients and others send: AMQP's types, and texts of protocols that have no others. */
const headers: Header[] = [
  ['int', 150, 'int'],
  ['two', 2, 'int'],
  ['three', 3, 'byte'],
  ['double', 2.5],
  ['float', 0.5, 'float'],
  ['long', 9_007_199_254_740_993n],
  ['ulong', 0xffff_ffff_ffff_ffffn, 'ulong'],
  ['yes', true],
  ['no', false],
  ['country', 'DE'],
  ['quote', "it's"],
  ['percent', '100%'],
  ['under', 'a_b'],
  ['empty', ''],
  ['lines', 'one\ntwo'],
  ['smile', '😀'],
  ['text', '150'],
  ['fraction', '21.5'],
  ['word', 'true'],
  ['when', 1_700_000_000_000, 'timestamp'],
  ['uuid', new Uuid('12345678-1234-1234-1234-123456789abc')],
  ['bytes', Uint8Array.of(1, 2)],
  ['nothing', null],
  ['twice', 1, 'int'],
  ['twice', 2, 'int'],
  ['x-type', 'order'],
  ['a.b', 'dotted'],
  ['AND', 'reserved'],
  ['__proto__', 'p'],
  ['Größe', 3],
];
const subject = message('orders.new', 'body', {
  headers,
  id: 'ID:1',
  correlationId: new Uuid('12345678-1234-1234-1234-123456789abc'),
  subject: 'Order',
  priority: 7,
  timestamp: 1000,
  key: 'g1',
  contentType: 'application/json',
  replyTo: 'replies',
  deliveryCount: 1,
  durable: false,
});
const matches = (text: string, over?: Partial<EnvelopeInit>): boolean =>
  compileSelector(text).matches(over ? message('a', 1, over) : subject);

/** Whether a condition is true, false or unknown, told by it and by its negation. */
function truth(text: string): boolean | undefined {
  const [yes, no] = [matches(text), matches(`NOT (${text})`)];
  assert.ok(!(yes && no), text);
  return yes ? true : no ? false : undefined;
}

const table: readonly (readonly [title: string, value: boolean | undefined, selectors: readonly string[]])[] =
  [
    [
      'comparisons that hold',
      true,
      [
        ...[
          'int = 150',
          'int <> 151',
          'int > 149',
          'int >= 150',
          'int < 151',
          'int <= 150',
          '150 = int',
          '100 < int',
        ],
        ...[
          "country = 'DE'",
          "country <> 'FR'",
          "quote = 'it''s'",
          "empty = ''",
          'yes = TRUE',
          'yes <> no',
          'no = false',
        ],
        ...[
          'double = 2.5',
          'int = 150.0',
          'int = 1.5e2',
          'double > two',
          'three > double',
          'float = .5',
          'two = 2.',
        ],
        ...[
          'int = 0x96',
          'int = 0226',
          'int = 150L',
          'int = 150d',
          'int = 15E1',
          'int=+150',
          'when = 1700000000000',
        ],
        ...['long = 9007199254740993', 'long > 9007199254740992', 'long <> 9007199254740992'],
        ...['ulong = 18446744073709551615', 'ulong > 9223372036854775807', 'long > -9223372036854775808'],
        ...[
          "uuid = '12345678-1234-1234-1234-123456789abc'",
          'twice = 1',
          '(int = 150) = (two = 2)',
          "a.b = 'dotted'",
        ],
      ],
    ],
    [
      'comparisons that do not hold',
      false,
      [
        ...[
          'int = 151',
          'int <> 150',
          "country = 'de'",
          'twice = 2',
          'yes = FALSE',
          'long = 9007199254740992',
        ],
        // unlike values
        ...[
          "int = '150'",
          "int <> '150'",
          'country = 5',
          'country <> 5',
          'yes = 1',
          'yes <> 1',
          "yes = 'true'",
          'country > 5',
        ],
        ...[
          "bytes = 'x'",
          'bytes = 1',
          'country = TRUE',
          'country > quote',
          'yes > no',
          'int BETWEEN country AND 200',
        ],
      ],
    ],
    [
      'text headers beside numbers and booleans: read as such',
      true,
      [
        ...[
          'text > 100',
          'text = 150',
          'fraction < 21.6',
          'text = int',
          'text BETWEEN 100 AND 200',
          "text = '150'",
        ],
        ...[
          'text + 1 = 151',
          'text / 100 = 1',
          'fraction * 2 = 43',
          '-text = -150',
          'word = TRUE',
          'word',
          'text > fraction',
        ],
        ...['text IN (150)', "text LIKE '15_'", 'word <> FALSE'],
      ],
    ],
    ['text headers that are no numbers', false, ['country > 100', 'empty = 0', 'country < 100', 'word = 1']],
    [
      'NULL is unknown',
      undefined,
      [
        ...[
          'missing = 1',
          'missing <> 1',
          'nothing = 1',
          "missing = 'x'",
          'missing > int',
          'missing = missing',
          'missing',
        ],
        ...[
          'missing + 1 = 2',
          '-missing = 1',
          "missing LIKE '%'",
          "missing NOT LIKE '%'",
          "missing IN ('x')",
        ],
        ...[
          "missing NOT IN ('x')",
          'missing BETWEEN 1 AND 2',
          'missing NOT BETWEEN 1 AND 2',
          'missing = TRUE',
        ],
        ...[
          'NOT missing',
          'int BETWEEN missing AND 200',
          'country',
          'int',
          '1 / 0 = 1',
          'country + 1 = 2',
          'yes * 2 = 2',
        ],
        ...['INT = 150', 'Country IS NULL AND missing = 1', 'amqp.nothing = 1'],
      ],
    ],
    [
      'three-valued logic: true',
      true,
      [
        ...[
          'yes',
          'yes AND TRUE',
          'missing OR yes',
          'yes OR missing',
          'NOT no',
          'NOT (missing AND no)',
          'no OR missing OR yes',
        ],
        ...['TRUE', 'NOT FALSE', 'NOT NOT yes', 'yes OR missing = 1 AND no', 'not (no or no) and (yes)'],
      ],
    ],
    [
      'three-valued logic: false',
      false,
      [
        'no',
        'missing AND no',
        'no AND missing',
        'NOT (missing OR yes)',
        'yes AND missing AND no',
        'NOT TRUE',
      ],
    ],
    [
      'three-valued logic: unknown',
      undefined,
      [
        'missing AND yes',
        'yes AND missing',
        'missing OR no',
        'no OR missing',
        'NOT (missing AND yes)',
        'yes AND missing AND yes',
        'no OR missing OR no',
      ],
    ],
    [
      'precedence',
      true,
      [
        ...[
          'TRUE OR TRUE AND FALSE',
          'NOT FALSE OR TRUE',
          'NOT no AND yes',
          'NOT int = 151',
          'FALSE AND FALSE OR TRUE',
        ],
        ...[
          '1 + 2 * 3 = 7',
          '(1 + 2) * 3 = 9',
          '10 - 4 - 3 = 3',
          '16 / 4 / 2 = 2',
          '2 - -2 = 4',
          '- 2 * 3 = -6',
          '2 * -3 = -6',
        ],
        ...[
          'two + three * 2 = 8',
          'int - 100 > 4 * 10',
          'int BETWEEN 100 + 1 AND 100 * 2 AND yes',
          'NOT int BETWEEN 1 AND 2',
        ],
        ...[
          '1 + 1 = 2 AND 2 + 2 = 4',
          '--1 = 1',
          '-(1 + 1) = -2',
          "country IN ('DE') AND NOT country LIKE 'F%'",
        ],
      ],
    ],
    [
      'arithmetic: exact with exact, else approximate',
      true,
      [
        ...[
          '5 / 2 = 2',
          '-5 / 2 = -2',
          '5 / 2.0 = 2.5',
          '5. / 2 = 2.5',
          'three / two = 1',
          'double * two = 5',
          'three * float = 1.5',
        ],
        ...[
          'long + 1 = 9007199254740994',
          'long - 1 = 9007199254740992',
          '9223372036854775807 + 0 = 9223372036854775807',
        ],
        ...[
          '-9223372036854775808 < 0',
          '9223372036854775807 * 9223372036854775807 > 8.5e37',
          '1 / 0.0 > 1e308',
          'two * 3 / 4 = 1',
        ],
        ...['when / 1000 = 1700000000', 'when + 1 > when', '0xFFFFFFFFFFFFFFFF = ulong', '1e400 > 1e308'],
      ],
    ],
    [
      'BETWEEN, IN, LIKE, IS NULL: true',
      true,
      [
        ...[
          'int BETWEEN 150 AND 150',
          'int NOT BETWEEN 151 AND 200',
          'double BETWEEN two AND three',
          '160 BETWEEN int AND 200',
        ],
        ...[
          "country IN ('FR', 'DE')",
          "country NOT IN ('FR')",
          'int IN (1, 150)',
          'int IN (-1, 150.0)',
          'int NOT IN (1)',
        ],
        ...[
          "country LIKE 'D_'",
          "country LIKE 'D%'",
          "country LIKE '%'",
          "country LIKE '%E'",
          "country LIKE '_%_'",
          "empty LIKE ''",
        ],
        ...[
          "percent LIKE '%!%' ESCAPE '!'",
          "under LIKE 'a\\_b' ESCAPE '\\'",
          "under LIKE 'a_b'",
          "lines LIKE 'one%two'",
          "lines LIKE 'one_two'",
        ],
        ...[
          "smile LIKE '_'",
          "quote LIKE '%''s'",
          "country NOT LIKE 'F%'",
          "percent NOT LIKE '100!_' ESCAPE '!'",
          "country LIKE 'DE%'",
        ],
        ...[
          'missing IS NULL',
          'nothing IS NULL',
          'int IS NOT NULL',
          'bytes IS NOT NULL',
          'empty IS NOT NULL',
          "int NOT IN ('150')",
        ],
        ...["int NOT LIKE '150'"],
      ],
    ],
    [
      'BETWEEN, IN, LIKE, IS NULL: false',
      false,
      [
        ...[
          'int BETWEEN 1 AND 2',
          'int NOT BETWEEN 1 AND 200',
          'int BETWEEN 200 AND 100',
          "country IN ('de')",
          "country LIKE 'd%'",
        ],
        ...[
          "country LIKE 'D'",
          "country LIKE 'E%'",
          "country LIKE '%D'",
          "country LIKE 'D_E'",
          "country LIKE 'DED%'",
          "empty LIKE '_'",
        ],
        ...[
          "smile LIKE '__'",
          'int IS NULL',
          'missing IS NOT NULL',
          "int LIKE '150'",
          'country NOT BETWEEN 1 AND 2',
          "yes IN ('true')",
        ],
      ],
    ],
    [
      'names of fields',
      true,
      [
        ...[
          "JMSMessageID = 'ID:1'",
          "JMSType = 'Order'",
          'JMSPriority = 7',
          'JMSTimestamp = 1000',
          "JMSXGroupID = 'g1'",
        ],
        ...[
          "JMSDeliveryMode = 'NON_PERSISTENT'",
          'JMSRedelivered',
          'JMSRedelivered = TRUE',
          'JMSXDeliveryCount = 2',
          'JMSExpiration = 0',
        ],
        ...[
          "JMSCorrelationID = 'ID:AMQP_UUID:12345678-1234-1234-1234-123456789abc'",
          "JMSReplyTo = 'replies'",
          "JMSDestination = 'orders.new'",
        ],
        ...[
          "amqp.subject = 'Order'",
          "amqp.to = 'orders.new'",
          "amqp.message_id = 'ID:1'",
          "amqp.content_type LIKE '%/json'",
          'NOT amqp.durable',
        ],
        ...[
          "amqp.correlation_id = '12345678-1234-1234-1234-123456789abc'",
          'amqp.priority / 2 = 3',
          "amqp.group_id = 'g1'",
          'jmspriority IS NULL',
        ],
        ...[
          '"x-type" = \'order\'',
          '"AND" = \'reserved\'',
          "hyphenated_props:x-type = 'order'",
          'Größe = 3',
          "__proto__ = 'p'",
          'constructor IS NULL',
        ],
        ...[
          'convert_string_expressions:text = 150',
          "convert_string_expressions:hyphenated_props:x-type = 'order'",
        ],
      ],
    ],
  ];

describe('selectors', () => {
  for (const [title, value, selectors] of table)
    it(title, () => {
      for (const text of selectors) {
        if (/^\w+_\w+:/.test(text)) assert.equal(matches(text), value === true, text);
        else assert.equal(truth(text), value, text);
      }
    });

  it('have defaults for fields that are not set', () => {
    for (const text of [
      'JMSPriority = 4',
      "JMSDeliveryMode = 'PERSISTENT'",
      'JMSExpiration = 0',
      'NOT JMSRedelivered',
      'JMSXDeliveryCount = 1',
    ])
      assert.ok(matches(text, {}), text);
    for (const name of [
      'JMSMessageID',
      'JMSCorrelationID',
      'JMSType',
      'JMSTimestamp',
      'JMSXGroupID',
      'JMSReplyTo',
    ])
      assert.ok(matches(`${name} IS NULL`, {}), name);
    assert.ok(matches('JMSXGroupSeq = 3', { headers: [['JMSXGroupSeq', 3, 'int']] }));
  });

  it('take blanks and words in any case', () => {
    assert.ok(matches("\tint\n>\r100 aNd country iN('DE','FR')and nOt(no)"));
  });

  const mistakes: readonly (readonly [text: string, offset: number, says: RegExp])[] = [
    ['', 0, /expected a name.*found the end/],
    ['   ', 3, /found the end/],
    ['int >', 5, /found the end/],
    ['int > AND', 6, /found "AND"/],
    ['int = 1 int', 8, /expected AND, OR or the end, found "int"/],
    ['(int = 1', 8, /expected "\)"/],
    ['int = 1)', 7, /expected AND, OR or the end/],
    ["country = 'DE", 10, /no closing '/],
    ['country = "DE"', 10, /double quotes.*'DE' for a string/],
    ['"x-type', 0, /no closing "/],
    ['int != 1', 4, /write <>/],
    ['int == 1', 4, /write =/],
    ['yes && no', 4, /write AND/],
    ['yes || no', 4, /write OR/],
    ['!yes', 0, /write NOT/],
    ['int = NULL', 6, /IS NULL/],
    ['int IS 5', 7, /NULL or NOT NULL/],
    ['int IS NOT 5', 11, /expected NULL/],
    ['int NOT 5', 8, /BETWEEN, IN or LIKE/],
    ['int BETWEEN 1', 13, /AND between/],
    ['int BETWEEN 1 OR 2', 14, /AND between/],
    ["int BETWEEN 'a' AND 'b'", 12, /expected a number, found a string/],
    ['country IN ()', 12, /found "\)"/],
    ["country IN 'DE'", 11, /"\("/],
    ["country IN ('DE'", 16, /"," or "\)"/],
    ['country IN (other)', 12, /strings and numbers only/],
    ["'DE' IN ('DE')", 0, /must be a name/],
    ["'a' LIKE 'a'", 0, /must be a name/],
    ['5 IS NULL', 0, /must be a name/],
    ['country LIKE 5', 13, /pattern/],
    ['country LIKE name', 13, /pattern/],
    ["country LIKE 'a' ESCAPE 'ab'", 24, /one character/],
    ["country LIKE 'a' ESCAPE ''", 24, /one character/],
    ["country LIKE 'a!b' ESCAPE '!'", 13, /escapes %, _ or itself/],
    ["country LIKE 'a!' ESCAPE '!'", 13, /escapes %, _ or itself/],
    ["country > 'DE'", 8, /by = and <> alone/],
    ['yes > TRUE', 4, /by = and <> alone/],
    ["5 = 'x'", 4, /cannot be compared/],
    ["'x' + 1 = 2", 0, /expected a number, found a string/],
    ['(yes = no) + 1 = 2', 1, /expected a number, found a condition/],
    ['int = 1 = 1', 8, /expected AND, OR or the end/],
    ['int + 1', 0, /expected a condition, found a number/],
    ["'x'", 0, /expected a condition, found a string/],
    ['5', 0, /expected a condition, found a number/],
    ['NOT 5', 4, /expected a condition/],
    ["yes AND 'x'", 8, /expected a condition/],
    ['5x = 1', 0, /a number ends with a blank/],
    ['1.2.3 = 1', 0, /a number ends/],
    ['089 = 1', 0, /octal/],
    ['18446744073709551616 = 1', 0, /largest exact number/],
    ['-9223372036854775809 = 1', 0, /smallest exact number/],
    [`${'9'.repeat(60_000)} = 1`, 0, /largest exact number/],
    ['. = 1', 0, /begins no number/],
    ['a # b', 2, /"#" has no meaning/],
    ['a; b', 1, /";" has no meaning/],
    ['a = 1 \u0000', 6, /has no meaning/],
    [`${'('.repeat(65)}yes${')'.repeat(65)}`, 64, /nested more than 64/],
    [`${'NOT '.repeat(65)}yes`, 256, /nested more than 64/],
    [`a = ${'- '.repeat(65)}1`, 132, /nested more than 64/],
    ['x'.repeat(65_537), 65_536, /at most 65536/],
  ];
  it('tell what is wrong and where', () => {
    for (const [text, offset, says] of mistakes) {
      assert.throws(
        () => compileSelector(text),
        (error) => {
          assert.ok(error instanceof FilterSyntaxError, `${text}: ${String(error)}`);
          assert.match(error.message, says, text);
          assert.equal(error.offset, offset, `${text}: ${error.message}`);
          return true;
        },
        text.slice(0, 80),
      );
    }
  });

  it('may be as long as they like within their bound', () => {
    assert.ok(matches(`${'no OR '.repeat(10_000)}yes`));
    assert.ok(matches(`${'1+'.repeat(30_000)}1 = 30001`));
    assert.ok(matches(`${'('.repeat(64)}yes${')'.repeat(64)}`));
    assert.ok(matches(`${'3 * '.repeat(16_000)}1 > 1e308`), 'no product grows without end');
  });
});
