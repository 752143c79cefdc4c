import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblems } from '../../src/config/problems.ts';
import { endpoints, load, mistakes, routeMistakes } from './support.ts';

const route = (rest: string): string =>
  `routes:\n  - name: a\n    from: { endpoint: mqtt, address: "plants/{plant}/{line}" }\n${rest}`;

const to = '    to: [{ endpoint: amqp, address: "b" }]\n';

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
