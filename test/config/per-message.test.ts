import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { envelope } from '../../src/core/envelope.ts';
import type { When } from '../../src/routing/route/compiled.ts';
import { endpoints, load, routeMistakes } from './support.ts';

const inRoute = (lines: string): string => `routes:
  - name: r
    from: { endpoint: mqtt, address: "a/{b}" }
${lines.replace(/^/gm, '    ')}`;

const loaded = async (lines: string) => {
  const files = { 'junction.yaml': `${endpoints}routes: [routes.yaml]\n`, 'routes.yaml': inRoute(lines) };
  return (await load(files)).routes[0]!;
};

describe('conditions and changes of a route', () => {
  it('are read from every place in which targets may stand', async () => {
    const route = await loaded(`when: "region = 'eu'"
to:
  - switch:
      - when: "size > 5"
        to:
          - { endpoint: amqp, address: "big" }
          - failover: [{ endpoint: stomp, address: "/queue/x" }, { endpoint: amqp, address: "x" }]
      - when: { cel: "body.kind == 'small'" }
        to: [{ endpoint: amqp, address: "small", when: "colour IS NOT NULL" }]
      - to: [{ endpoint: amqp, address: "rest" }]
  - any: [{ endpoint: amqp, address: "y" }, { endpoint: stomp, address: "/queue/y" }]
  - { endpoint: amqp, address: "copy", mirror: 10% }`);
    assert.ok(route.when instanceof Object && route.when.text === "region = 'eu'");
    const said = (all: readonly When[] | undefined): string[] =>
      (all ?? []).map(({ text, negated }) => (negated ? `NOT ${text}` : text));
    assert.deepEqual(
      route.to.map(({ template, when, group, mirror }) => [
        template.text,
        said(when),
        group && `${group.mode} ${group.number}`,
        mirror,
      ]),
      [
        ['big', ['size > 5'], undefined, undefined],
        ['/queue/x', ['size > 5'], 'failover 0', undefined],
        ['x', ['size > 5'], 'failover 0', undefined],
        [
          'small',
          ['NOT size > 5', "body.kind == 'small'", 'colour IS NOT NULL'],
          undefined,
          undefined,
        ],
        ['rest', ['NOT size > 5', "NOT body.kind == 'small'"], undefined, undefined],
        ['y', [], 'any 1', undefined],
        ['/queue/y', [], 'any 1', undefined],
        ['copy', [], undefined, 0.1],
      ],
    );
    const message = envelope({ address: 'a/1', body: Buffer.from('{}'), headers: [['size', 6, 'int']] });
    assert.equal(route.to[0]!.when![0]!.matches(message), true);
    assert.equal(route.to[4]!.when![0]!.matches(message), false);
    // Each of a failover but the last is tried once; the last as the route says.
    assert.deepEqual([route.to[1]!.retry, route.to[2]!.retry?.attempts], [undefined, Infinity]);
  });

  it('compare equal where the files say the same, so that a reload changes nothing', async () => {
    const lines = `when: "a = 1"
to: [{ endpoint: amqp, address: "x.{header.y}", headers: { set: { z: "{b}", n: 5, t: true }, remove: [q], rename: { c: d } }, ttl: 5s, priority: 7 }]`;
    const [one, two] = [await loaded(lines), await loaded(lines)];
    assert.deepStrictEqual({ ...one, file: '' }, { ...two, file: '' });
    const other = await loaded(lines.replace('a = 1', 'a = 2'));
    assert.notDeepStrictEqual({ ...one, file: '' }, { ...other, file: '' });
    assert.deepEqual(
      one.to[0]!.edits!.set.map(({ name, value }) => [name, 'parts' in value ? value.text : value]),
      [
        ['z', '{b}'],
        ['n', [5n]],
        ['t', [true]],
      ],
    );
  });

  for (const [what, lines, expected] of [
    [
      'a selector',
      `when: "size >"\nto: [{ endpoint: amqp, address: x }]`,
      /^routes\.yaml:4:1\d: .+/,
    ],
    [
      'CEL',
      `when: { cel: "body.a ==" }\nto: [{ endpoint: amqp, address: x }]`,
      /^routes\.yaml:4:\d+: .+/,
    ],
    [
      'a condition of a branch',
      `to: [{ switch: [{ when: "NOT", to: [{ endpoint: amqp, address: x }] }] }]`,
      /^routes\.yaml:4:\d+: .+/,
    ],
    [
      'a capture in a header',
      `to: [{ endpoint: amqp, address: x, headers: { set: { y: "{c}" } } }]`,
      /^routes\.yaml:4:\d+: \{c\} is not known here; known are \{b\}, /,
    ],
    [
      'a reserved header',
      `to: [{ endpoint: amqp, address: x, headers: { set: { junction-hops: "0" } } }]`,
      /^routes\.yaml:4:\d+: the header "junction-hops" is the gateway’s own.*; choose another name/,
    ],
    [
      'a share',
      `to: [{ endpoint: amqp, address: x, mirror: 110% }]`,
      /^routes\.yaml:4:\d+: "110%" is not a share of the messages/,
    ],
    [
      'a target of a group',
      `to: [{ any: [{ endpoint: amqp, address: x }, { endpoint: ampq, address: y }] }]`,
      /^routes\.yaml:4:\d+: unknown endpoint "ampq"; did you mean "amqp"\?/,
    ],
    [
      'a group of one',
      `to: [{ failover: [{ endpoint: amqp, address: x }] }]`,
      /^routes\.yaml:4:\d+: expected at least 2 entries/,
    ],
    [
      'a priority',
      `to: [{ endpoint: amqp, address: x, priority: 10 }]`,
      /^routes\.yaml:4:\d+: expected at most 9, got 10/,
    ],
  ] as const)
    it(`with a mistake in ${what}: one line that says where`, async () => {
      const found = await routeMistakes(inRoute(lines));
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0]!, expected);
    });
});
