import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfiguration } from '../../src/config/load.ts';
import { formatProblems } from '../../src/config/problems.ts';
import { protocols } from '../../src/protocols/index.ts';
import { load, mistakes } from './support.ts';

const endpoints = `endpoints:
  mqtt: { type: mqtt, listen: ":1883" }
  amqp: { type: amqp, listen: ":5672" }
  kafka: { type: kafka, brokers: ["k1:9092", "k2:9092"] }
  stream: { type: kafka, brokers: ["k2:9092", "k3:9092"], group: other }
  rabbit: { type: rabbitmq, url: "amqp://r" }
  rabbit-b: { type: rabbitmq, url: "amqp://r", vhost: b }
  rocket: { type: rocketmq, brokers: ["p:8081"] }
  far: { type: mqtt, url: "mqtt://far" }
  old: { type: mqtt, url: "mqtt://old", version: 4 }
routes: [r.yaml]
`;

type Written = readonly [from: string, ...to: string[]];

const part = (text: string): string => {
  const [endpoint, address] = text.split(' ') as [string, string];
  return `{ endpoint: ${endpoint}, address: "${address}" }`;
};

/** Routes a, b, c and so on; line n + 1 holds the nth. */
const written = (routes: readonly Written[]): string =>
  ['routes:', ...routes.map(([from, ...to], n) => `  - { name: ${'abcdefgh'[n]}, from: ${part(from)}, to: [${to.map(part).join(', ')}] }`), 'defaults: { allow_loss: all }', ''].join('\n');

/** What is found, errors and warnings, without columns. */
async function found(...routes: Written[]): Promise<string[]> {
  const files = { 'junction.yaml': endpoints, 'r.yaml': written(routes) };
  const errors = await mistakes(files, { protocols });
  const lines = errors.length > 0 ? errors : formatProblems((await load(files, { protocols })).warnings).split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => line.replace(/^\S*\/r\.yaml/, 'r.yaml').replace(/^(r\.yaml:\d+):\d+/, '$1').replace(/\(\S*\/r\.yaml/, '(r.yaml'));
}

const mend = 'send to addresses that these routes do not read';

describe('circles', () => {
  const circles: readonly [routes: Written[], lines: string[]][] = [
    [[['mqtt a/{x}', 'mqtt a/{x}']], [`r.yaml:2: warning: what "a" sends comes round to it again: to "a/{x}" of "mqtt", which "a" reads, where it ends; ${mend}`]],
    [
      [['mqtt a/{x}', 'amqp b.{x}'], ['amqp b.*', 'amqp c'], ['amqp c', 'kafka t', 'mqtt a/c']],
      [`r.yaml:2: warning: what "a" sends comes round to it again: to "b.{x}" of "amqp", which "b" reads and sends to "c" of "amqp", which "c" reads and sends to "a/c" of "mqtt", which "a" reads, where it ends; ${mend}`],
    ],
    // two connections to one cluster
    [
      [['kafka t', 'stream u'], ['kafka u', 'kafka t']],
      [`r.yaml:2: warning: what "a" sends comes round to it again: to "u" of "stream", which "b" reads and sends to "t" of "kafka", which "a" reads, and so on until it has passed eight routes; ${mend}`],
    ],
    // one queue written in two ways, and a topic that is read with all its tags
    [
      [['rabbit q', 'rocket t:x'], ['rocket t', 'rabbit /queues/q']],
      [`r.yaml:2: warning: what "a" sends comes round to it again: to "t:x" of "rocket", which "b" reads and sends to "/queues/q" of "rabbit", which "a" reads, and so on until it has passed eight routes; ${mend}`],
    ],
    [
      [['far #', 'old {x}/copy'.replace('{x}', 'x')], ['old +/copy', 'far x']],
      [`r.yaml:2: what "a" sends comes round to it again: to "x/copy" of "old", which "b" reads and sends to "x" of "far", which "a" reads; without end, since "old" does not carry how far a message has come; ${mend}`],
    ],
    // two circles, each told once
    [
      [['mqtt a', 'amqp a'], ['amqp a', 'mqtt a'], ['mqtt c', 'mqtt c'], ['mqtt d', 'mqtt a', 'mqtt c']],
      [
        `r.yaml:2: warning: what "a" sends comes round to it again: to "a" of "amqp", which "b" reads and sends to "a" of "mqtt", which "a" reads, where it ends; ${mend}`,
        `r.yaml:4: warning: what "c" sends comes round to it again: to "c" of "mqtt", which "c" reads, where it ends; ${mend}`,
      ],
    ],
  ];
  for (const [routes, lines] of circles)
    it(written(routes), async () => assert.deepEqual(await found(...routes), lines));

  it('there are none where addresses do not meet', async () => {
    assert.deepEqual(await found(['mqtt a/{x}', 'mqtt b/{x}'], ['mqtt b/+/c', 'amqp a.c']), []);
    assert.deepEqual(await found(['mqtt a/{x}', 'amqp a.{x}'], ['amqp a.{x}', 'mqtt a/{x}/b']), []);
    assert.deepEqual(await found(['rabbit q', 'rabbit-b q'], ['rabbit-b p', 'rabbit q']), []);
    assert.deepEqual(await found(['mqtt in/{shop}', 'mqtt shop-{shop}/x'], ['mqtt office/x', 'mqtt in/a']), []);
  });

  it('conditions may end one', async () => {
    const files = {
      'junction.yaml': endpoints,
      'r.yaml': `routes:
  - { name: a, from: { endpoint: old, address: a }, when: "hops < 2", to: [{ endpoint: old, address: a }] }
  - name: b
    from: { endpoint: old, address: b }
    to: [{ switch: [{ when: "x = 1", to: [{ endpoint: kafka, address: b }] }, { to: [{ endpoint: old, address: b }] }] }]
defaults: { allow_loss: all }
`,
    };
    const { warnings } = await load(files, { protocols });
    assert.deepEqual(
      warnings.map(({ line, column, message }) => [line, column, /without end unless its conditions/.test(message)]),
      [
        [2, 102, true],
        [5, 112, true],
      ],
    );
  });

  it('a chain of thousands of routes is none', async () => {
    const chain = Array.from(
      { length: 3000 },
      (_, n) => `  - { name: r${n}, from: ${part(`mqtt a/${n}/{x}`)}, to: [${part(`mqtt a/${n + 1}/{x}`)}] }`,
    );
    const files = { 'junction.yaml': endpoints, 'r.yaml': `routes:\n${chain.join('\n')}\n` };
    assert.deepEqual((await load(files, { protocols })).warnings, []);
    files['r.yaml'] = files['r.yaml'].replace('a/3000/', 'a/0/');
    assert.equal((await load(files, { protocols })).warnings.length, 1);
  });
});

describe('routes that send the same messages to the same place', () => {
  const twice = 'messages that both routes read arrive there twice; remove one of them, or read addresses that do not meet';
  const duplicates: readonly [routes: Written[], lines: string[]][] = [
    [[['mqtt a/{x}', 'kafka t.{x}'], ['mqtt a/{y}', 'stream t.{y}']], [`r.yaml:3: warning: "a" (r.yaml:2) sends to "t.{y}" of "stream" too: ${twice}`]],
    [[['mqtt a/#', 'kafka t'], ['mqtt a/b', 'kafka t']], [`r.yaml:3: warning: "a" (r.yaml:2) sends to "t" of "kafka" too: ${twice}`]],
    [[['rabbit q', 'kafka t'], ['rabbit /queues/q', 'kafka t']], [`r.yaml:3: warning: "a" (r.yaml:2) sends to "t" of "kafka" too: ${twice}`]],
    [[['mqtt a', 'kafka t', 'kafka u', 'kafka t']], ['r.yaml:2: warning: the route sends each message to "t" of "kafka" more than once; remove one of them, or read addresses that do not meet']],
  ];
  for (const [routes, lines] of duplicates)
    it(written(routes), async () => assert.deepEqual(await found(...routes), lines));

  it('nor are targets of which each has its messages', async () => {
    const target = (more: string): string => `{ endpoint: kafka, address: t${more} }`;
    const files = {
      'junction.yaml': endpoints,
      'r.yaml': `routes:
  - { name: a, from: { endpoint: mqtt, address: a }, to: [${target(', when: "x = 1"')}, ${target(', when: "x = 2"')}] }
  - { name: b, from: { endpoint: mqtt, address: a }, when: "y = 1", to: [${target('')}] }
  - { name: c, from: { endpoint: mqtt, address: a }, to: [{ failover: [${target('')}, { endpoint: stream, address: t }] }] }
  - { name: d, from: { endpoint: mqtt, address: a }, to: [${target(', headers: { set: { a: b } }')}, ${target('')}] }
`,
    };
    assert.deepEqual((await load(files, { protocols })).warnings, []);
  });

  it('others are none', async () => {
    assert.deepEqual(await found(['mqtt a/b', 'kafka t'], ['mqtt a/c', 'kafka t'], ['amqp a', 'kafka t']), []);
    assert.deepEqual(await found(['mqtt {x}/{y}', 'kafka t.{x}'], ['mqtt {y}/{x}', 'kafka t.{x}']), []);
    assert.deepEqual(await found(['mqtt a/{x}', 'kafka t.{x}'], ['mqtt a/{x...}', 'kafka t.{x}']), []);
  });
});

describe('secrets in plain text', () => {
  it('are warned of, and others not', async () => {
    const text = `endpoints:
  a: { type: amqp, listen: ":1", users: { ada: lovelace, eve: "\${EVE}" } }
  k: { type: kafka, brokers: ["k:1"], sasl: { mechanism: plain, username: u, password: hunter2 } }
  m: { type: mqtt, url: "mqtt://m", username: u, password: "\${PASSWORD:-try}" }
  r: { type: rabbitmq, url: "amqp://m", username: u, password: "\${file:secret}" }
  o: { type: kafka, brokers: ["k:1"], sasl: { mechanism: oauthbearer, token_url: "https://x", client_id: c, client_secret: s } }
`;
    const { warnings } = await load({ 'junction.yaml': text, secret: 'x' }, { protocols, env: { EVE: 'x' } });
    const hint = 'take it from the environment, ${NAME}, or a file, ${file:path}';
    assert.deepEqual(
      formatProblems(warnings).split('\n').map((line) => line.replace(/^.*junction.yaml:/, '')),
      [
        `2:48: warning: a password is written here, for all who can read this file; ${hint}`,
        `3:88: warning: the password is written here, for all who can read this file; ${hint}`,
        `6:124: warning: the client secret is written here, for all who can read this file; ${hint}`,
      ],
    );
  });
});

it('what ships has nothing of all this', async () => {
  for (const file of ['config/junction.yaml', 'config/compose.yaml'])
    assert.deepEqual((await loadConfiguration(file, { env: {}, protocols })).warnings, [], file);
});
