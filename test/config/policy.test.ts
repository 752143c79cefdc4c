import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { protocols } from '../../src/protocols/index.ts';
import { load, mistakes } from './support.ts';

const endpoints = `endpoints:
  shop: { type: mqtt, listen: ":1883" }
  sales-amqp: { type: amqp, listen: ":5672" }
  kafka: { type: kafka, brokers: ["k:9092"] }
  rabbit: { type: rabbitmq, url: "amqp://r" }
  rocket: { type: rocketmq, brokers: ["p:8081"] }
`;

/** The mistakes of routes, the first of which stands on line 3, under a policy that begins on line 9. */
async function judged(policy: string, routes: string, path = 'routes/sales/a.yaml'): Promise<string[]> {
  const files = {
    'config/junction.yaml': `${endpoints}routes: ["../routes/**/*.yaml"]\npolicy:\n${policy}`,
    [path]: routes,
  };
  return (await mistakes(files, { protocols, file: 'config/junction.yaml' })).map((line) =>
    line.replace(/; the policy is at config\/junction\.yaml:9:3$/, ''),
  );
}

const route = (from: string, to: string, more = ''): string => `owner: sales
routes:
  - { name: a, from: ${from}, to: [${to}]${more} }
`;
const inn = (address: string, endpoint = 'sales-amqp'): string => `{ endpoint: ${endpoint}, address: "${address}" }`;

const rules = `  rules:
    - owner: sales
      read: [{ endpoint: sales-*, address: "orders.#" }, { endpoint: rocket, address: [stock, "new:a"] }]
      write: [{ endpoint: kafka, address: "orders.*" }, { endpoint: rabbit, address: "/queues/sales.#" }, { endpoint: shop, address: "+/state" }]
    - owner: [hr, people-*]
      read: [{ endpoint: shop, address: "hr/#" }]
      write: [{ endpoint: kafka, address: hr }]
`;

describe('what a policy allows', () => {
  const allowed: readonly [from: string, to: string][] = [
    [inn('orders.de'), inn('orders.de', 'kafka')],
    [inn('orders.{country}'), inn('orders.{country}', 'kafka')],
    [inn('orders.{country}'), inn('orders.eu-{country}-x', 'kafka')],
    [inn('orders.{rest...}'), inn('orders.a', 'kafka')],
    [inn('orders.#'), inn('orders.a', 'kafka')],
    // a value of the message is one segment, or the message is refused
    [inn('orders.#'), inn('orders.{header.country}', 'kafka')],
    [inn('orders.{a}'), inn('/queues/sales.{a}', 'rabbit')],
    // one queue written in two ways
    [inn('orders.{a}'), inn('sales.{a}', 'rabbit')],
    // $x/state is a topic that one can send to
    [inn('orders.{a}'), inn('{a}/state', 'shop')],
    [inn('stock', 'rocket'), inn('orders.a', 'kafka')],
    [inn('stock:{tag}', 'rocket'), inn('orders.a', 'kafka')],
    [inn('new:a', 'rocket'), inn('orders.a', 'kafka')],
  ];
  for (const [from, to] of allowed)
    it(`${from} to ${to}`, async () => assert.deepEqual(await judged(rules, route(from, to)), []));
});

describe('what a policy does not allow', () => {
  const to = inn('orders.a', 'kafka');
  const from = inn('orders.{country}');
  const refused: readonly [from: string, to: string, line: string][] = [
    [inn('#'), to, '3:55: policy does not let "sales" read from "#" of "sales-amqp", such as "xyz"; allowed there: "orders.#"'],
    [inn('orders/a', 'shop'), to, '3:49: policy does not let "sales" read from "orders/a" of "shop"; its owner needs a rule that lets it read there'],
    [inn('hr/+', 'shop'), to, '3:49: policy does not let "sales" read from "hr/+" of "shop"; it is for "hr", "people-*"'],
    [from, inn('orders.{country}.x', 'kafka'), 'policy does not let "sales" send to "orders.{country}.x" of "kafka", such as "orders.xyz.x"; allowed there: "orders.*"'],
    [inn('orders.{r...}'), inn('orders.{r}', 'kafka'), 'policy does not let "sales" send to "orders.{r}" of "kafka", such as "orders.xyz.xyz"; allowed there: "orders.*"'],
    [from, inn('{country}', 'kafka'), 'policy does not let "sales" send to "{country}" of "kafka", such as "xyz"; allowed there: "orders.*"'],
    [from, inn('orders.{country!raw}', 'kafka'), 'policy does not let "sales" send to "orders.{country!raw}" of "kafka", such as "orders.xyz.xyz"; allowed there: "orders.*"'],
    [
      from,
      inn('orders.{header.country!raw}', 'kafka'),
      'policy does not let "sales" send to "orders.{header.country!raw}" of "kafka", such as "orders.xyz.xyz"; allowed there: "orders.*"',
    ],
    [
      from,
      '{ failover: [{ endpoint: kafka, address: orders.a }, { endpoint: kafka, address: b }] }',
      '3:163: policy does not let "sales" send to "b" of "kafka"; allowed there: "orders.*"',
    ],
    [from, inn('/exchanges/sales/x', 'rabbit'), 'policy does not let "sales" send to "/exchanges/sales/x" of "rabbit"; allowed there: "/queues/sales.#"'],
    [inn('new', 'rocket'), to, '3:51: policy does not let "sales" read from "new" of "rocket"'],
  ];
  for (const [source, target, line] of refused)
    it(`${source} to ${target}`, async () => {
      const lines = await judged(rules, route(source, target));
      assert.equal(lines.length, 1);
      assert.ok(lines[0]!.includes(line), lines[0]);
    });

  it('dead letters, at the file’s defaults too', async () => {
    const line = 'policy does not let "sales" send to "x" of "shop"; allowed there: "+/state"';
    assert.deepEqual(await judged(rules, route(from, to, `, dead_letter: ${inn('x', 'shop')}`)), [
      `routes/sales/a.yaml:3:165: ${line}`,
    ]);
    assert.deepEqual(
      await judged(rules, `defaults: { dead_letter: ${inn('x', 'shop')} }\n${route(from, to)}`),
      [`routes/sales/a.yaml:1:53: ${line}`],
    );
  });

  it('answers: they are read at the target and sent to what requests may name', async () => {
    const asks = route(
      inn('orders.{a}'),
      inn('orders.{a}', 'kafka'),
      ', reply: { address: orders.replies, allow: ["orders.#"] }',
    );
    const found = await judged(rules, asks);
    assert.equal(found.length, 2, found.join('\n'));
    assert.match(found.find((line) => line.includes('orders.#'))!, /:3:(\d+): .*sales.*sales-amqp.*, where answers may go \(reply\.allow\)/);
    assert.match(found.find((line) => line.includes('orders.replies'))!, /:3:(\d+): .*kafka.*, where answers are read \(reply\.address\)/);
    const columns = found.map((line) => Number(/:3:(\d+):/.exec(line)![1]) - 1).toSorted((a, b) => a - b);
    const written = asks.split('\n')[2]!;
    assert.deepEqual(columns, [written.indexOf('orders.replies'), written.indexOf('"orders.#"')]);
    const granted = rules
      .replace('read: [{ endpoint: sales-*', 'read: [{ endpoint: kafka, address: "orders.replies" }, { endpoint: sales-*')
      .replace('write: [{ endpoint: kafka', 'write: [{ endpoint: sales-amqp, address: "orders.#" }, { endpoint: kafka');
    assert.deepEqual(await judged(granted, asks), []);
  });

  it('anything, to a route without owner', async () =>
    assert.deepEqual(await judged(rules, route(inn('orders.a'), to).replace('owner: sales\n', '')), [
      'routes/sales/a.yaml:2:55: policy does not let a route without owner read from "orders.a" of "sales-amqp"; write "owner: …" in the route file',
    ]));

  it('default: allow keeps from others what a rule gives to someone, and no more', async () => {
    const allowing = `  default: allow\n${rules}`;
    const hers = (text: string): string => text.replace('owner: sales', 'owner: press');
    assert.deepEqual(await judged(allowing, route(inn('press.x'), inn('press', 'kafka'))), []);
    assert.deepEqual(await judged(allowing, hers(route(inn('press.x'), inn('press', 'kafka')))), []);
    assert.deepEqual(await judged(allowing, hers(route(inn('press.x'), inn('orders.{x}', 'kafka').replace('{x}', 'x')))), [
      'routes/sales/a.yaml:3:101: policy does not let "press" send to "orders.x" of "kafka"; it is for "sales"',
    ]);
    assert.deepEqual(await judged(allowing, hers(route(inn('{x...}'), inn('press', 'kafka')))), [
      'routes/sales/a.yaml:3:55: policy does not let "press" read from "{x...}" of "sales-amqp"; it is for "sales"',
    ]);
  });
});

describe('folders of owners', () => {
  const open = `  default: allow
  rules:
    - { owner: sales, folder: ../routes/sales }
    - { owner: [hr, people-*], folder: "../routes/hr/**" }
`;
  const routes = route(inn('a'), inn('b', 'kafka'));
  const noRoutesIn = (folder: string, place: string): string =>
    `config/junction.yaml:${place}: warning: no route file is in "${folder}"; folders are relative to this file, as those in "routes" are`;
  const unused = noRoutesIn('../routes/hr/**', '12:40');

  it('a file must name its folder’s owner', async () => {
    assert.deepEqual(await judged(open, routes), []);
    assert.deepEqual(await judged(open, routes.replace('owner: sales', 'owner: hr')), [
      unused,
      'routes/sales/a.yaml:1:8: routes in "../routes/sales" belong to "sales", not to "hr"; move the file to the folder of its owner',
    ]);
    assert.deepEqual(await judged(open, routes.replace('owner: sales\n', '')), [
      unused,
      'routes/sales/a.yaml:2:5: routes in "../routes/sales" must say that they belong to "sales"; begin the file with "owner: sales"',
    ]);
    assert.deepEqual(await judged(open, routes.replace('owner: sales', 'owner: people-x'), 'routes/hr/b/c.yaml'), []);
  });

  it('an owner with a folder is named nowhere else, not by one route either', async () => {
    const unusedSales = noRoutesIn('../routes/sales', '11:31');
    assert.deepEqual(await judged(open, routes, 'routes/other/a.yaml'), [
      unusedSales,
      unused,
      'routes/other/a.yaml:1:8: routes of "sales" belong in "../routes/sales"; move the file there, or name the owner of the folder it is in',
    ]);
    assert.deepEqual(
      await judged(open, routes.replace('owner: sales\n', '').replace('name: a,', 'name: a, owner: sales,'), 'routes/hr/a.yaml'),
      [
        unusedSales,
        'routes/hr/a.yaml:2:23: routes in "../routes/hr/**" belong to "hr" or "people-*", not to "sales"; move the file to the folder of its owner',
      ],
    );
    assert.deepEqual(await judged(open, routes.replace('sales', 'press'), 'routes/other/a.yaml'), []);
  });

  it('a route’s owner is its file’s, where that has one', async () => {
    const other = routes.replace('name: a,', 'name: a, owner: hr,');
    assert.deepEqual(await judged('  default: allow\n', other), [
      'routes/sales/a.yaml:3:23: the route belongs to "hr", but its file to "sales"; move it to a file of its owner, or write the owner at each route instead of at the file',
    ]);
    const { routes: read } = await load(
      { 'config/junction.yaml': `${endpoints}routes: [a.yaml]\n`, 'config/a.yaml': other.replace('owner: sales\n', '') },
      { protocols, file: 'config/junction.yaml' },
    );
    assert.equal(read[0]!.owner, 'hr');
  });
});

describe('a faulty policy', () => {
  it('is told at its places', async () =>
    assert.deepEqual(
      await judged(
        `  rules:
    - owner: sales
      read:
        - { endpoint: shopp }
        - { endpoint: shop, address: "a/b+" }
        - { endpoint: later-* }
      write: [{ endpoint: "*" }]
`,
        route(inn('a', 'shop'), inn('b', 'kafka')),
      ),
      [
        'config/junction.yaml:12:23: no endpoint is named "shopp"; did you mean "shop"? Known endpoints: shop, sales-amqp, kafka, rabbit, rocket',
        'config/junction.yaml:13:38: "a/b+" is no address of "shop": the wildcard + must be a whole segment, not part of "b+"',
        'config/junction.yaml:14:23: warning: no endpoint is named "later-*"; known endpoints: shop, sales-amqp, kafka, rabbit, rocket',
        'routes/sales/a.yaml:3:49: policy does not let "sales" read from "a" of "shop"; its owner needs a rule that lets it read there',
      ],
    ));
});

it('docs/policy.md shows a policy, and routes that it allows', async () => {
  const page = await readFile(new URL('../../docs/policy.md', import.meta.url), 'utf8');
  const [policy, routes] = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, block]) => block!) as [string, string];
  const own = `endpoints:
  mqtt: { type: mqtt, listen: ":1883" }
  sales-amqp: { type: amqp, listen: ":5672" }
  analytics: { type: kafka, brokers: ["k:9092"] }
routes: ["../routes/**/*.yaml"]
`;
  const loaded = async (text: string): Promise<string[]> =>
    mistakes(
      { 'config/junction.yaml': own + policy, 'routes/sales/orders.yaml': text },
      { protocols, file: 'config/junction.yaml' },
    );
  assert.deepEqual(await loaded(routes), []);
  assert.match((await loaded(routes.replace('orders.eu.{country}', '#'))).join('\n'), /such as "xyz"/);
});
