import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ResolvedRoute } from '../../src/routing/route/route.ts';
import { endpoints, load, mistakes, plain, protocols, routeMistakes } from './support.ts';

const withBroker = `${endpoints}  kafka: { type: kafka, brokers: ["k:9092"] }\nroutes: [routes.yaml]\n`;

/** The routes of a file, by name. */
async function routesOf(file: string): Promise<Map<string, ResolvedRoute>> {
  const { routes } = await load({ 'junction.yaml': withBroker, 'routes.yaml': file });
  return new Map(routes.map((route) => [route.name, route]));
}

const entry = (name: string, from: string, rest = '', target = ''): string => `  - name: ${name}
    from: { endpoint: ${from}, address: "a" }
    to: [{ endpoint: amqp, address: "b"${target} }]
${rest === '' ? '' : `    ${rest}\n`}`;

describe('what a route does with messages that do not come through', () => {
  it('is to try for 30 s; dead letters of brokers and spools go to the store, senders to listeners are told', async () => {
    const routes = await routesOf(
      `routes:\n${entry('listener', 'mqtt')}${entry('broker', 'kafka')}${entry('spooled', 'mqtt', 'spool: true')}`,
    );
    const shown = [...routes.values()].map(({ name, deadLetter, spool, to: [to] }) => [
      name,
      deadLetter,
      spool?.full,
      to!.retry!.deadline,
      to!.retry!.over,
    ]);
    assert.deepEqual(shown, [
      ['listener', undefined, undefined, 30_000, 'release'],
      ['broker', 'store', undefined, 30_000, 'release'],
      ['spooled', 'store', 'block', Infinity, 'release'],
    ]);
    assert.deepEqual(routes.get('spooled')!.spool, {
      maxBytes: 1024 ** 3,
      maxMessages: undefined,
      maxAge: undefined,
      full: 'block',
    });
  });

  it('comes from its target, itself, and the defaults of its file, in this order', async () => {
    const routes = await routesOf(`defaults:
  retry: { attempts: 10, backoff: { from: 200ms, to: 5s }, permanent: [timeout] }
  dead_letter: { endpoint: stomp, address: /queue/dead }
  spool: { max_bytes: 10MiB, max_age: 1d, full: reject }
routes:
${entry('plain', 'mqtt')}${entry('own', 'mqtt', 'dead_letter: store', ', retry: { attempts: 2, backoff: { to: 1s } }')}${entry('none', 'mqtt', 'retry: false', ', retry: { deadline: 1m }')}${entry('direct', 'mqtt', 'spool: false\n    dead_letter: false', ', retry: false')}`);
    const retryOf = (name: string) => routes.get(name)!.to[0]!.retry;
    assert.deepEqual(retryOf('plain'), {
      attempts: 10,
      deadline: Infinity,
      over: 'dead',
      from: 200,
      to: 5000,
      permanent: new Set(['timeout']),
    });
    assert.deepEqual(routes.get('plain')!.deadLetter, { endpoint: 'stomp', address: '/queue/dead' });
    assert.deepEqual(routes.get('plain')!.spool, {
      maxBytes: 10 * 1024 ** 2,
      maxMessages: undefined,
      maxAge: 86_400_000,
      full: 'reject',
    });
    assert.deepEqual([retryOf('own')!.attempts, retryOf('own')!.from, retryOf('own')!.to], [2, 200, 1000]);
    assert.equal(routes.get('own')!.deadLetter, 'store');
    assert.deepEqual([retryOf('none')!.attempts, retryOf('none')!.deadline], [Infinity, 60_000]);
    assert.equal(retryOf('direct'), undefined);
    assert.deepEqual([routes.get('direct')!.deadLetter, routes.get('direct')!.spool], [undefined, undefined]);
  });

  it('has one clear line for each mistake', async () => {
    const route = (rest: string, from = 'mqtt') => `routes:\n${entry('r', from, rest)}`;
    const cases: [file: string, line: string | RegExp][] = [
      [route('retry: { attempts: 0 }'), 'routes.yaml:5:24: expected at least 1, got 0'],
      [route('retry: { deadline: 5 }'), /^routes\.yaml:5:24: "5" needs a number and a unit/],
      [route('retry: { atempts: 5 }'), /^routes\.yaml:5:14: unknown key "atempts"; did you mean "attempts"\?/],
      [route('retry: { backoff: { from: 2s, to: 1s } }'), 'routes.yaml:5:23: "from" is longer than "to"'],
      [route('retry: { permanent: [refused] }'), /^routes\.yaml:5:26: expected one of unavailable, timeout, busy/],
      [route('dead_letter: { endpoint: stop, address: /queue/x }'), /^routes\.yaml:5:30: unknown endpoint "stop"/],
      [route('dead_letter: { endpoint: stomp, address: dead }'), /^routes\.yaml:5:46: "dead" cannot be sent to: /],
      [route('dead_letter: { endpoint: mqtt, address: "dead/#" }'), /^routes\.yaml:5:51: a target is one address/],
      [route('dead_letter: { endpoint: mqtt, address: "dead/{x}" }'), /^routes\.yaml:5:51: dead letters go to one address/],
      [route('dead_letter: { endpoint: mqtt, address: "a" }'), /^routes\.yaml:5:18: the route reads "a" itself/],
      [route('spool: true\n    dead_letter: false'), /^routes\.yaml:6:18: a route with a spool .* needs dead letters/],
      [`defaults: { dead_letter: { endpoint: stop, address: x } }\nroutes: []\n`, /^routes\.yaml:1:38: unknown endpoint "stop"/],
    ];
    for (const [file, line] of cases) {
      const lines = await routeMistakes(file);
      assert.equal(lines.length, 1, lines.join('\n'));
      if (typeof line === 'string') assert.equal(lines[0], line);
      else assert.match(lines[0]!, line);
    }
  });

  it('remembers messages for as long as dedup says, by their ids unless told otherwise', async () => {
    const routes = await routesOf(`defaults: { dedup: { window: 1h, by: "{header.order}", max: 5000 } }
routes:
${entry('file', 'amqp')}${entry('short', 'amqp', 'dedup: 10m')}${entry('none', 'amqp', 'dedup: false')}`);
    const dedupOf = (name: string) => {
      const { dedup } = routes.get(name)!;
      return dedup && [dedup.window, dedup.by.text, dedup.max];
    };
    assert.deepEqual(dedupOf('file'), [3_600_000, '{header.order}', 5000]);
    assert.deepEqual(dedupOf('short'), [600_000, '{id}', 1_000_000]);
    assert.equal(dedupOf('none'), undefined);
  });

  it('cannot remember messages by what they do not have', async () => {
    const route = (rest: string, from: string) => `routes:\n${entry('r', from, rest)}`;
    const cases: [file: string, line: RegExp | undefined][] = [
      [route('dedup: 5', 'amqp'), /^routes\.yaml:5:12: "5" needs a number and a unit/],
      [route('dedup: 0s', 'amqp'), /^routes\.yaml:5:12: must be more than 0/],
      [route('dedup: { by: id }', 'amqp'), /^routes\.yaml:5:12: the key "window" is missing/],
      [route('dedup: { window: 5m, bye: id }', 'amqp'), /^routes\.yaml:5:26: unknown key "bye"; did you mean "by"\?/],
      [route('dedup: { window: 5m, by: order }', 'amqp'), /^routes\.yaml:5:30: "order" is the same for every message.*\{header\.order\}/],
      [route('dedup: { window: 5m, by: "{order}" }', 'amqp'), /^routes\.yaml:5:31: \{order\} is not known here/],
      [route('dedup: 5m', 'plain'), /^routes\.yaml:5:12: the messages of "plain" have no ids of their own.*\{header\.NAME\}/],
      [route('dedup: { window: 5m, by: id }', 'plain'), /^routes\.yaml:5:30: the messages of "plain" have no ids of their own/],
      [route('dedup: { window: 5m, by: "{key}" }', 'plain'), /^routes\.yaml:5:30: the messages of this endpoint have no key/],
      [route('dedup: { window: 5m, by: "{id}" }', 'plain'), undefined],
    ];
    for (const [routes, line] of cases) {
      const files = {
        'junction.yaml': `${endpoints}  plain: { type: plain, listen: ":1" }\nroutes: [routes.yaml]\n`,
        'routes.yaml': routes,
      };
      const known = { ...protocols, plain: async () => ({ default: plain }) };
      const lines = await mistakes(files, { protocols: known });
      assert.equal(lines.length, line ? 1 : 0, lines.join('\n'));
      if (line) assert.match(lines[0]!, line);
    }
  });

  it('keeps the store in data unless told otherwise', async () => {
    const file = (store: string) => ({ 'junction.yaml': `${endpoints}${store}` });
    assert.deepEqual((await load(file(''))).store, { path: 'data', damaged: 'refuse' });
    assert.equal((await load(file('store: { path: /var/lib/junction }\n'))).store.path, '/var/lib/junction');
    assert.match((await mistakes(file('store: { path: "" }\n'))).join(), /5:16: the text is empty/);
  });
});
