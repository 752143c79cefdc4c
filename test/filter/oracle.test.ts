import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import rhea, { type Connection, type EventContext } from 'rhea';
import type { EnvelopeInit, Header } from '../../src/core/envelope.ts';
import { compileSelector } from '../../src/filter/selector.ts';
import { close, open } from '../brokers/amqp-client.ts';
import { missing } from '../foreign/tools.ts';
import { startArtemis } from '../brokers/artemis.ts';
import { message, until } from '../helpers.ts';

const skip = missing('Java', 'java', '-version') || missing('Maven', 'mvn', '-version');

const { types } = rhea;

/** The same messages for both. */
const messages: readonly { readonly headers: Header[]; readonly over?: Partial<EnvelopeInit> }[] = [
  {
    headers: [
      ['int', 150, 'int'],
      ['two', 2, 'int'],
      ['double', 2.5],
      ['long', 9_007_199_254_740_993n],
      ['yes', true],
      ['no', false],
      ['country', 'DE'],
      ['quote', "it's"],
      ['text', '150'],
      ['word', 'true'],
      ['empty', ''],
    ],
    over: { subject: 'Order', priority: 7, id: 'ID:1', key: 'g1', correlationId: 'c1', durable: false },
  },
  {
    headers: [
      ['int', -5, 'int'],
      ['two', 3, 'short'],
      ['double', -0.5],
      ['long', 5n],
      ['yes', false],
      ['country', 'France_100%'],
      ['text', 'abc'],
      ['lines', 'one\ntwo'],
      ['x-type', 'order'],
    ],
    over: { subject: 'Other' },
  },
  {
    headers: [
      ['country', 7, 'int'],
      ['int', 'DE'],
      ['yes', 'yes'],
      ['double', true],
      ['two', 2.5],
    ],
  },
  { headers: [] },
];

const selectors = [
  ...['text > 100', 'text = 150', 'text <> 151', '149 < text', 'text BETWEEN 100 AND 200', 'word = TRUE'].map(
    (each) => `convert_string_expressions:${each}`,
  ),
  ...[
    'int = 150',
    'int <> 150',
    'int > 149',
    '150 <= int',
    'int < double',
    "country = 'DE'",
    "country <> 'DE'",
  ],
  ...[
    'yes',
    'NOT yes',
    'yes = TRUE',
    'yes <> TRUE',
    'yes = no',
    'no OR yes',
    'yes AND int > 100',
    'missing IS NULL OR yes',
  ],
  ...[
    'int IS NULL',
    'int IS NOT NULL',
    'missing = 1',
    'NOT (missing = 1)',
    'NOT (int = 1)',
    'missing = 1 OR int = 150',
  ],
  ...['NOT (missing = 1 AND int = 150)', 'missing <> 1', 'yes AND missing = 1', 'NOT (yes AND missing = 1)'],
  ...[
    'int BETWEEN 100 AND 200',
    'int NOT BETWEEN 100 AND 200',
    'int BETWEEN two AND 150',
    'double BETWEEN -1 AND 3',
  ],
  ...["country IN ('DE', 'FR')", "country NOT IN ('DE', 'FR')", "missing IN ('x')", "missing NOT IN ('x')"],
  ...[
    "country LIKE 'D_'",
    "country LIKE '%\\_100!%' ESCAPE '!'",
    "country LIKE '%!_100!%' ESCAPE '!'",
    "country LIKE '%'",
  ],
  ...[
    "country NOT LIKE 'D%'",
    "missing LIKE '%'",
    "missing NOT LIKE '%'",
    "lines LIKE 'one%two'",
    "empty LIKE ''",
    "quote = 'it''s'",
  ],
  ...[
    'int + 1 = 151',
    'int * 2 - 100 = 200',
    'int / two = 75',
    'int / 4 = 37',
    'int / 4.0 = 37.5',
    '-int = 5',
    'int = -5',
  ],
  ...[
    'two + double * 2 > 6',
    '(two + double) * 2 > 8',
    '1 + 2 * 3 = 7',
    'int / 0 = 1',
    '10 - 4 - 3 = 3',
    'int > 1.5e2',
    'int = 15E1',
  ],
  ...[
    'int = 0x96',
    'int = 0226',
    'int = 150L',
    'double > .5',
    'two = 2.',
    'long = 9007199254740993',
    'long > 9007199254740992',
  ],
  ...["JMSType = 'Order'", "JMSXGroupID = 'g1'", "JMSCorrelationID = 'c1'"],
  ...['JMSType IS NULL', 'TRUE', 'FALSE', 'NOT FALSE AND yes', 'TRUE OR TRUE AND FALSE'],
  ...[
    'int > 100 AND (yes OR no) AND NOT no',
    'Int = 150',
    '"x-type" = \'order\'',
    'text = 150',
    'text > 100',
    "text = '150'",
    'word = TRUE',
    'word',
  ],
  ...['country > 5', 'int > country', 'yes = 1'],
];

/** Where Artemis says something else about our messages than we do. */
const differences: readonly (readonly [why: string, theirs: Record<string, readonly number[]>])[] = [
  [
    'unlike values are not equal, so <> is true of them; for the specification every comparison of them is false',
    {
      'int <> 150': [1, 2],
      "country <> 'DE'": [1, 2],
      'yes <> TRUE': [1, 2],
      'convert_string_expressions:text <> 151': [0, 1],
    },
  ],
  [
    'what is no boolean is false; for us it is unknown',
    { 'NOT yes': [1, 2], 'NOT (yes AND missing = 1)': [1, 2] },
  ],
  ['NULL equals NULL', { 'yes = no': [3] }],
  [
    'IN of what is no text is unknown; for the specification it is a chain of comparisons, which are false',
    { "country NOT IN ('DE', 'FR')": [1] },
  ],
  ['a quotient is never exact; for the specification it is what it is in Java', { 'int / 4 = 37': [] }],
  [
    'texts are not read as numbers and booleans',
    { 'text = 150': [], 'text > 100': [], 'word = TRUE': [], word: [] },
  ],
];
const others = new Map(differences.flatMap(([, theirs]) => Object.entries(theirs)));

function longOf(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return bytes;
}

function properties(headers: readonly Header[]): Record<string, unknown> {
  const wrap = (value: Header[1], type: Header[2]): unknown =>
    type === 'int'
      ? types.wrap_int(Number(value))
      : type === 'short'
        ? types.wrap_short(Number(value))
        : typeof value === 'bigint'
          ? types.wrap_long(longOf(value))
          : typeof value === 'number'
            ? types.wrap_double(value)
            : value;
  return Object.fromEntries(headers.map(([name, value, type]) => [name, wrap(value, type)]));
}

describe('selectors, beside those of Artemis', { skip }, () => {
  let connection: Connection;
  let broker: Awaited<ReturnType<typeof startArtemis>>;
  before(async () => {
    broker = await startArtemis();
    connection = await open({ port: broker.port, username: 'admin', password: 'admin' });
  });
  after(async () => {
    await close(connection);
    await broker.stop();
  });

  it('mean the same', { timeout: 180_000 }, async () => {
    const theirs = selectors.map(() => new Set<number>());
    const ended = new Set<number>();
    const refused = new Map<string, string>();
    await Promise.all(
      selectors.map(async (selector, i) => {
        const receiver = connection.open_receiver({
          source: {
            address: 'oracle',
            capabilities: ['topic'],
            filter: rhea.filter.selector(selector.replace(/^(\w+:)?(.*)$/, '$1($2) OR done = TRUE')),
          },
        });
        receiver.on('receiver_error', () => undefined);
        receiver.on('message', ({ message: got }: EventContext) => {
          const { done, number } = got!.application_properties as { done?: boolean; number: number };
          if (done) ended.add(i);
          else theirs[i]!.add(number);
        });
        await Promise.race([
          once(receiver, 'receiver_open'),
          once(receiver, 'receiver_close').then(() => {
            refused.set(selector, String((receiver.error as { description?: string }).description));
            ended.add(i);
          }),
        ]);
      }),
    );
    const sender = connection.open_sender({
      target: { address: 'oracle', capabilities: ['topic'] },
    });
    await once(sender, 'sendable');
    messages.forEach(({ headers, over }, number) =>
      sender.send({
        body: 'x',
        durable: over?.durable ?? true,
        priority: over?.priority ?? 4,
        ...(over?.subject !== undefined && { subject: over.subject }),
        ...(over?.id !== undefined && { message_id: over.id as string }),
        ...(over?.key !== undefined && { group_id: over.key }),
        ...(over?.correlationId !== undefined && { correlation_id: over.correlationId as string }),
        application_properties: { ...properties(headers), number: types.wrap_int(number) },
      }),
    );
    sender.send({ body: 'end', durable: true, application_properties: { done: true } });
    await until(() => ended.size === selectors.length, 'all have ended', 60_000);
    assert.deepEqual([...refused], []);
    const different: unknown[] = [];
    selectors.forEach((selector, i) => {
      const condition = compileSelector(selector);
      const ours = messages.flatMap(({ headers, over }, number) =>
        condition.matches(message('oracle', 1, { ...over, headers })) ? [number] : [],
      );
      const their = [...theirs[i]!].sort((a, b) => a - b);
      const known = others.get(selector);
      if (JSON.stringify(known ?? ours) !== JSON.stringify(their)) different.push({ selector, ours, their });
      else if (known) assert.notDeepEqual(ours, their, selector);
    });
    assert.deepEqual(different, []);
  });
});
