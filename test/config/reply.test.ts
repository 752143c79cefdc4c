import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { protocols } from '../../src/protocols/index.ts';
import { endpoints, load, mistakes, routeMistakes } from './support.ts';

const routesOf = (reply: string, over: { to?: string; from?: string; more?: string } = {}): string => `routes:
  - name: r
    from: ${over.from ?? '{ endpoint: mqtt, address: "ask/{b}" }'}
    to: ${over.to ?? '[{ endpoint: amqp, address: "work.{b}" }]'}
${reply === '' ? '' : `    reply: ${reply}\n`}${over.more ?? ''}`;

const loaded = async (routes: string, id = 'id: gw-1\n') =>
  (await load({ 'junction.yaml': `${id}${endpoints}routes: [routes.yaml]\n`, 'routes.yaml': routes })).routes;

describe('reply of a route', () => {
  it('makes a way back from each place where its targets’ answers are read', async () => {
    const routes = await loaded(
      `defaults: { retry: { attempts: 3 } }
${routesOf('{ address: "replies.{gateway}", allow: ["inbox/#"], timeout: 5s }', {
  to: `
      - { endpoint: amqp, address: one }
      - { endpoint: amqp, address: two }
      - { endpoint: amqp, address: three, reply: { address: others } }
      - any: [{ endpoint: stomp, address: /queue/a, reply: { address: /queue/r } }, { endpoint: mqtt, address: a, reply: false }]
      - { endpoint: amqp, address: copies, mirror: 10% }`,
  more: '    dead_letter: store\n',
})}
  - name: s
    from: { endpoint: stomp, address: /queue/ask }
    to: [{ endpoint: amqp, address: work }]
    reply: { address: replies.gw-1, allow: [/queue/in] }
`,
    );
    assert.deepEqual(
      routes.map(({ name, from, answers, deadLetter }) => [name, from.pattern.text, answers?.strays, deadLetter]),
      [
        ['r', 'ask/{b}', undefined, 'store'],
        ['s', '/queue/ask', undefined, undefined],
        ['r.reply@amqp', 'replies.gw-1', true, 'store'],
        ['r.reply@amqp:2', 'others', true, 'store'],
        ['r.reply@stomp', '/queue/r', true, 'store'],
        ['s.reply@amqp', 'replies.gw-1', false, undefined],
      ],
    );
    assert.deepEqual(
      routes[0]!.to.map(({ reply }) => reply?.address),
      ['replies.gw-1', 'replies.gw-1', 'others', '/queue/r', undefined, undefined],
    );
    const { allowed, ...rest } = routes[0]!.to[0]!.reply!;
    assert.deepEqual(rest, { address: 'replies.gw-1', timeout: 5000, max: 10_000, answers: 'first' });
    assert.equal(allowed.whyNot('inbox/1'), undefined);
    assert.match(allowed.whyNot('other')!, /none that the route allows/);
    const back = routes[2]!;
    assert.deepEqual([back.to[0]!.endpoint, back.to[0]!.retry?.attempts], ['mqtt', 3]);
    assert.equal(back.spool, undefined);
  });

  it('takes the name of the host where the gateway has no id', async () => {
    const [route] = await loaded(routesOf('{ address: "r.{gateway}", allow: ["a/#"] }'), '');
    assert.match(route!.to[0]!.reply!.address, /^r\.[A-Za-z0-9_-]{1,64}$/);
  });

  it('is a mistake at a broker whose version of the protocol has no reply addresses', async () => {
    const files = {
      'junction.yaml': `endpoints:
  amqp: { type: amqp, listen: ":5672" }
  old: { type: mqtt, url: "mqtt://localhost", version: 4 }
routes: [routes.yaml]
`,
      'routes.yaml': routesOf('{ address: r }', {
        from: '{ endpoint: amqp, address: ask }',
        to: '[{ endpoint: old, address: w, allow_loss: all }]',
      }),
    };
    assert.deepEqual(await mistakes(files, { protocols }), [
      'routes.yaml:4:10: mqtt has no place for a correlation id here, so requests cannot be answered from there; write "reply: false" at this target',
    ]);
  });

  for (const [what, routes, wrong] of [
    [
      'has no address',
      routesOf('{ allow: [a] }'),
      'routes.yaml:5:12: answers from amqp have no address to be sent to; write "address: …", an address there',
    ],
    [
      'lets nobody ask',
      routesOf('{ address: r }'),
      'routes.yaml:5:12: nobody may ask: mqtt has no temporary queues here, so "allow" must say where answers may go; add "allow: [PATTERN, …]", addresses at which requesters wait for their answers',
    ],
    [
      'has a wildcard as address',
      routesOf('{ address: "r.*", allow: [a] }'),
      'routes.yaml:5:23: "r.*" cannot be where answers are sent: it has wildcards',
    ],
    [
      'has a capture in its address',
      routesOf('{ address: "r.{b}", allow: [a] }'),
      'routes.yaml:5:26: only {gateway} can stand in a reply address; write "{{" for a brace',
    ],
    [
      'has requests and answers in one place',
      routesOf('{ address: work, allow: [a] }', { to: '[{ endpoint: amqp, address: work }]' }),
      'routes.yaml:5:23: "work" cannot be where answers are sent: the requests themselves go there',
    ],
    [
      'reads its answers as requests',
      routesOf('{ address: ask, allow: [a] }', {
        from: '{ endpoint: mqtt, address: ask }',
        to: '[{ endpoint: mqtt, address: x }]',
      }),
      'routes.yaml:5:23: "ask" cannot be where answers are sent: the route reads requests there',
    ],
    [
      'allows what is no pattern',
      routesOf('{ address: r, allow: [a, "b+/c"] }'),
      'routes.yaml:5:39: the wildcard + must be a whole segment, not part of "b+"',
    ],
    [
      'changes what is the gateway’s',
      routesOf('{ address: r, allow: [a] }', { to: '[{ endpoint: amqp, address: w, reply_to: x }]' }),
      'routes.yaml:4:50: reply_to is the gateway\'s own where "reply" brings answers back; leave "reply_to" out, or write "reply: false" at this target',
    ],
    [
      'waits for a mirror',
      routesOf('', {
        to: '[{ endpoint: amqp, address: w, mirror: 10%, reply: { address: r } }]',
      }),
      'routes.yaml:4:60: nobody waits for the answers of a mirror; leave "reply" out',
    ],
  ] as const)
    it(`is a mistake where it ${what}`, async () => {
      const found = await routeMistakes(routes);
      assert.ok(found.includes(wrong), found.join('\n'));
    });
});
