import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblems } from '../../src/config/problems.ts';
import { endpoints, load, mistakes, routeMistakes } from './support.ts';

const route = (rest: string): string =>
  `routes:\n  - name: a\n    from: { endpoint: mqtt, address: "plants/{plant}/{line}" }\n${rest}`;

const to = '    to: [{ endpoint: amqp, address: "b" }]\n';

describe('check says what was meant', () => {
  const whole = (rest: string): Promise<string[]> => routeMistakes(route(rest));

  it('of keys, values and units', async () => {
    assert.deepEqual(await whole(`    when: { cell: "a > 1" }\n${to}`), [
      'routes.yaml:4:13: unknown key "cell"; did you mean "cel"? Allowed here: selector, cel, body',
    ]);
    for (const [written, meant] of [['yes', 'true'], ['off', 'false']] as const)
      assert.deepEqual(await whole(`    spool: ${written}\n${to}`), [
        `routes.yaml:4:12: expected true or false or a map, got text; write ${meant} instead of ${written}`,
      ]);
    for (const [written, says] of [
      ['5min', '"min" is not a unit (ms, s, m, h, d); write one number and one unit: 5m'],
      ['1h30m', '"1h30m" must be one number and one unit, without blanks: 90m'],
      ['5 s', '"5 s" must be one number and one unit, without blanks: 5s'],
      ['5x', '"x" is not a unit (ms, s, m, h, d); write one number and one unit'],
      ['5', '"5" needs a number and a unit (ms, s, m, h, d), e.g. 30s'],
    ])
      assert.deepEqual(await whole(`    retry: { deadline: ${written} }\n${to}`), [`routes.yaml:4:24: ${says}`]);
  });

  it('of what is in braces', async () => {
    const target = (keys: string): string => `    to: [{ endpoint: amqp, ${keys} }]\n`;
    assert.deepEqual(await whole(target('address: "b.{lin}"')), [
      'routes.yaml:4:40: {lin} is not bound; did you mean {line}? from.address binds {plant}, {line}',
    ]);
    assert.deepEqual(await whole(target('address: "b.{body.order.id}"')), [
      'routes.yaml:4:40: {body.order.id} is not known here; write {body./order/id}',
    ]);
    for (const [written, mend] of [
      ['{lin}', 'did you mean {line}? Known are {plant}'],
      ['{correlationid}', 'did you mean {correlation_id}? Known are {plant}'],
      ['{hader.x}', 'did you mean {header.x}? Known are {plant}'],
      ['{body.order}', 'write {body./order}; known are {plant}'],
      ['{somethingelse}', 'known are {plant}'],
    ] as const) {
      const [line, ...more] = await whole(target(`address: b, key: "${written}"`));
      assert.equal(more.length, 0);
      assert.ok(line!.startsWith(`routes.yaml:4:46: ${written} is not known here; ${mend}`), line);
    }
  });

  it('of defaults once, and not for each route', async () => {
    const lines = await routeMistakes(`defaults: { dedup: { window: 1m, by: "{header.}" } }
routes:
  - { name: a, from: { endpoint: mqtt, address: "a/{x}" }, to: [{ endpoint: amqp, address: a }] }
  - { name: b, from: { endpoint: mqtt, address: "b/{y}" }, to: [{ endpoint: amqp, address: b }] }
`);
    assert.deepEqual(lines.map((line) => line.slice(0, 52)), ['routes.yaml:1:39: {header.} is not known here; known']);
  });

  it('of a missing owner once, without what follows from it', async () => {
    const policy = (rule: string): string => `${endpoints}policy: { rules: [${rule}] }\nroutes: ["*/*.yaml"]\n`;
    const file = `routes:
  - { name: a, from: { endpoint: mqtt, address: "a/+" }, to: [{ endpoint: amqp, address: a }] }
  - { name: b, from: { endpoint: mqtt, address: "b/+" }, to: [{ endpoint: amqp, address: b }] }
`;
    const [first, ...more] = await mistakes({
      'junction.yaml': policy('{ owner: sales, read: [{ endpoint: mqtt }] }'),
      'sales/routes.yaml': file,
    });
    assert.match(first!, /^sales\/routes\.yaml:2:\d+: policy does not let a route without owner read .*; write "owner: …"/);
    assert.deepEqual(more, []);
    assert.deepEqual(
      await mistakes({
        'junction.yaml': policy('{ owner: sales, folder: sales, read: [{ endpoint: mqtt }] }'),
        'sales/routes.yaml': file,
      }),
      [
        'sales/routes.yaml:2:5: routes in "sales" must say that they belong to "sales"; begin the file with "owner: sales"',
      ],
    );
  });
});

describe('check finds', () => {
  it('a selector that seems to look into the body', async () => {
    const warnings = async (rest: string): Promise<string[]> => {
      const { warnings: all } = await load({
        'junction.yaml': `${endpoints}routes: [routes.yaml]\n`,
        'routes.yaml': route(rest),
      });
      return formatProblems(all)
        .split('\n')
        .map((line) => line.replace(/^.*routes\.yaml:/, ''));
    };
    assert.deepEqual(await warnings(`    when: "state = 'on' AND body.value > 80"\n${to}`), [
      '4:29: warning: to a selector "body.value" is the name of a header; to look into the body write { cel: "body.value == …" }',
    ]);
    assert.deepEqual(await warnings(`    when: { selector: body.value > 80 }\n${to}`), [
      '4:23: warning: to a selector "body.value" is the name of a header; to look into the body write { cel: "body.value > 80" }',
    ]);
    const branches = `    to:
      - switch:
          - { when: "body.x > 1", to: [{ endpoint: amqp, address: x }] }
          - { when: "bodywork > 1", to: [{ endpoint: amqp, address: y }] }
          - to: [{ endpoint: amqp, address: z }]
`;
    assert.equal((await warnings(branches)).length, 1, 'once, although later branches ask it too');
    assert.deepEqual(await warnings(`    when: { cel: "body.value > 80" }\n${to}`), ['']);
  });

  it('captures that JSONata asks for and the address does not bind', async () => {
    const body = (jsonata: string): string =>
      route(`    to:\n      - endpoint: amqp\n        address: b\n        body: { jsonata: '${jsonata}' }\n`);
    assert.deepEqual(await routeMistakes(body('{ "p": $captures.plnt, "l": $captures.line }')), [
      'routes.yaml:7:44: $captures.plnt is not bound by from.address; did you mean "plant"? It binds: plant, line',
    ]);
    for (const good of [
      '$captures.plant',
      '$captures[0].line.x',
      '$captures.*',
      '$lookup($captures, "x")',
      '($captures := {}; $captures.x)',
      'function($captures){ $captures.x }({})',
      '$message.headers.x',
    ])
      assert.deepEqual(await routeMistakes(body(good)), [], good);
  });

  it('two that listen on one port', async () => {
    const config = (rest: string): Promise<string[]> => mistakes({ 'junction.yaml': `endpoints:\n${rest}` });
    assert.deepEqual(
      await config(`  a: { type: mqtt, listen: "127.0.0.1:1883" }
  b: { type: amqp, listen: "localhost:1883" }
  c: { type: stomp, listen: "0.0.0.0:1883" }
`),
      [
        'junction.yaml:3:28: endpoint "a" listens on port 1883 too, at junction.yaml:2:28; give endpoint "b" a port of its own',
        'junction.yaml:4:29: endpoint "a" listens on port 1883 too, at junction.yaml:2:28; give endpoint "c" a port of its own',
      ],
    );
    assert.deepEqual(await config('  a: { type: mqtt, listen: ":8080" }\n'), [
      'junction.yaml:2:28: the admin interface listens on port 8080 too, by default; give endpoint "a" a port of its own',
    ]);
    assert.deepEqual(
      await config(`  a: { type: mqtt, listen: "127.0.0.1:1883" }
  b: { type: amqp, listen: "127.0.0.2:1883" }
  c: { type: amqp, listen: "[::1]:1883" }
  d: { type: stomp, listen: ":0" }
  e: { type: stomp, listen: ":0" }
`),
      [],
    );
  });
});
