import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { routeMistakes } from './support.ts';

const good = `routes:
  - name: a
    from: { endpoint: mqtt, address: "a" }
    to: [{ endpoint: amqp, address: "b" }]
`;

describe('files that are not plain YAML', () => {
  const tooDeep = 'lists and maps are nested more than 64 deep; no setting needs that, remove what is superfluous';
  const notHere = 'write the value out where it is meant';
  const cases: readonly [name: string, file: string | Uint8Array, lines: readonly string[]][] = [
    ['a depth bomb of brackets', '['.repeat(1_000_000), [`1:65: ${tooDeep}`]],
    ['a depth bomb of braces', '{a: '.repeat(200_000), [`1:257: ${tooDeep}`]],
    ['a depth bomb of dashes', '- '.repeat(500_000), [`1:129: ${tooDeep}`]],
    [
      'a depth bomb of lines',
      Array.from({ length: 1000 }, (_, i) => `${' '.repeat(i)}a:`).join('\n'),
      [`65:66: ${tooDeep}`],
    ],
    ['more than 1 MiB', `${good}#${'x'.repeat(1024 * 1024)}`, ['1:1: the file is larger than 1024 KiB; split it into several files']],
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from(`${good}owner: "ä`), Buffer.from([0xe4, 0x22])]),
      ['5:10: the file is not UTF-8; save it with the encoding UTF-8'],
    ],
    [
      'two documents',
      `${good}---\n${good}`,
      ['5:1: the file holds more than one YAML document; remove this "---" or write a file for each'],
    ],
    ['a tag', `${good}owner: !!str x\n`, [`5:8: tags (!name) are not used here; ${notHere}`]],
    ['a directive', `%YAML 1.1\n---\n${good}`, [`1:1: directives (%NAME) are not used here; ${notHere}`]],
    [
      'a merge key',
      good.replace('endpoint: mqtt,', 'endpoint: mqtt, <<: { x: y },'),
      ['3:29: merge keys (<<) are not used here; write the keys out where they are meant'],
    ],
    [
      'a key written twice',
      `${good}owner: a\nowner: b\n`,
      ['6:1: the key "owner" is written twice; the first is at routes.yaml:5:1; remove one of them'],
    ],
    ['a key that is a list', `${good}? [a]\n: 1\n`, ['5:3: a key must be text, not a list or a map']],
    ['a bracket without end', good.replace('}]', '}'), ['4:9: this [ has no end; put ] where it ends']],
    ['a quote without end', good.replace('name: a', 'name: "a'), ['2:11: the text that begins with " has no end; put " at its end']],
    [
      'a line out of place',
      good.replace('    from', '   from'),
      ['3:1: this line is not indented as its neighbours; align it with the entries it belongs to'],
    ],
    ['nothing but comments', '# routes to come\n\n', ['1:1: the file is empty; begin with "routes:"']],
  ];
  for (const [name, file, lines] of cases)
    it(name, async () =>
      assert.deepEqual(
        await routeMistakes(file),
        lines.map((line) => `routes.yaml:${line}`),
      ),
    );

  it('a byte order mark, Windows line ends and one "---" are harmless', async () =>
    assert.deepEqual(await routeMistakes(`\ufeff---\n${good}`.replaceAll('\n', '\r\n')), []));

  it('many keys, each reported', async () => {
    const keys = Array.from({ length: 80_000 }, (_, i) => `k${i}: 1\n`).join('');
    assert.equal((await routeMistakes(good + keys)).length, 80_000);
  });
});

describe('names that mean something to JavaScript', () => {
  it('are keys, endpoints and routes like any other', async () => {
    const lines = await routeMistakes(`__proto__: { owner: x }
constructor: 1
toString: 1
routes:
  - name: constructor
    from: { endpoint: toString, address: "a" }
    to: [{ endpoint: __proto__, address: "b" }]
  - name: hasOwnProperty
    from: { endpoint: mqtt, address: "a/{constructor}/{__proto__}" }
    to: [{ endpoint: amqp, address: "{constructor}.{__proto__}" }]
`);
    assert.deepEqual(lines, [
      'routes.yaml:1:1: the key "__proto__" is not allowed',
      'routes.yaml:2:1: unknown key "constructor"; allowed here: owner, defaults, routes',
      'routes.yaml:3:1: unknown key "toString"; allowed here: owner, defaults, routes',
      'routes.yaml:6:23: unknown endpoint "toString"; known endpoints: mqtt, amqp, stomp',
      'routes.yaml:7:22: unknown endpoint "__proto__"; known endpoints: mqtt, amqp, stomp',
    ]);
    assert.equal(({} as { owner?: unknown }).owner, undefined);
  });

  it('are no environment variables', async () =>
    assert.deepEqual(await routeMistakes(`${good}owner: \${constructor}\n`), [
      'routes.yaml:5:8: the environment variable constructor is not set; set it, or give a default: ${constructor:-default}',
    ]));

  it('a text with line breaks or terminal controls stays on its line', async () =>
    assert.deepEqual(await routeMistakes(`${good}"a\\n\\e[31m": 1\n`), [
      'routes.yaml:5:1: unknown key "a\\u000a\\u001b[31m"; allowed here: owner, defaults, routes',
    ]));
});
