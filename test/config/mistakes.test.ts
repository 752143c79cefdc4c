import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoints, mistakes, routeMistakes } from './support.ts';

/** The ten mistakes people make most, each as the one line it must give. */
const typical: readonly [mistake: string, file: string, line: string][] = [
  [
    'unknown key',
    `routes:
  - name: a
    descripton: Where it goes
    from: { endpoint: mqtt, address: "a" }
    to: [{ endpoint: amqp, address: "b" }]
`,
    'routes.yaml:3:5: unknown key "descripton"; did you mean "description"? Allowed here: name, description, owner, from, when, to, reply, retry, dead_letter, spool, dedup, allow_loss',
  ],
  [
    'unknown endpoint',
    `routes:
  - name: a
    from: { endpoint: mqtt, address: "a" }
    to: [{ endpoint: ampq, address: "b" }]
`,
    'routes.yaml:4:22: unknown endpoint "ampq"; did you mean "amqp"? Known endpoints: mqtt, amqp, stomp',
  ],
  [
    'missing variable',
    `routes:
  - name: a
    from: { endpoint: mqtt, address: "a" }
    to: [{ endpoint: amqp, address: "b.\${REGION}" }]
`,
    'routes.yaml:4:40: the environment variable REGION is not set; set it, or give a default: ${REGION:-default}',
  ],
  [
    'bad wildcard',
    `routes:
  - name: a
    from: { endpoint: mqtt, address: "plants/p+/telemetry" }
    to: [{ endpoint: amqp, address: "b" }]
`,
    'routes.yaml:3:47: the wildcard + must be a whole segment, not part of "p+"',
  ],
  [
    'capture used but not bound',
    `routes:
  - name: a
    from: { endpoint: mqtt, address: "plants/{plant}" }
    to:
      - endpoint: amqp
        address: telemetry.{plnt}
`,
    'routes.yaml:6:28: {plnt} is not bound; did you mean {plant}? from.address binds {plant}',
  ],
  [
    'duplicate name',
    `routes:
  - name: a
    from: { endpoint: mqtt, address: "a" }
    to: [{ endpoint: amqp, address: "b" }]
  - name: a
    from: { endpoint: mqtt, address: "c" }
    to: [{ endpoint: amqp, address: "d" }]
`,
    'routes.yaml:5:11: the route name "a" is used twice; the first is at routes.yaml:2:11; give each route its own name',
  ],
  [
    'tab',
    `routes:
  - name: a
    from: { endpoint: mqtt, address: "a" }
\tto: [{ endpoint: amqp, address: "b" }]
`,
    'routes.yaml:4:1: a tab is used as indentation; indent with two spaces for each level',
  ],
  [
    'wrong type',
    `routes:
  - name: a
    from: { endpoint: mqtt, address: "a" }
    to: amqp
`,
    'routes.yaml:4:9: expected a list, got text; write "- " before each entry',
  ],
  ['empty file', '', 'routes.yaml:1:1: the file is empty; begin with "routes:"'],
];

describe('typical mistakes', () => {
  for (const [mistake, file, line] of typical)
    it(`${mistake}: one clear line`, async () => assert.deepEqual(await routeMistakes(file), [line]));

  it('alias bomb: each anchor and alias, at once and without expanding any', async () => {
    const bomb = ['a: &a0 [x, x]'];
    for (let i = 1; i <= 20; i++) bomb.push(`b: &a${i} [*a${i - 1}, *a${i - 1}]`);
    const lines = await routeMistakes(bomb.join('\n'));
    const hint = 'write the value out where it is meant';
    assert.deepEqual(
      lines.filter((line) => /^routes.yaml:[12]:/.test(line) && line.includes('not used')),
      [
        `routes.yaml:1:4: anchors (&name) are not used here; ${hint}`,
        `routes.yaml:2:4: anchors (&name) are not used here; ${hint}`,
        `routes.yaml:2:9: aliases (*name) are not used here; ${hint}`,
        `routes.yaml:2:14: aliases (*name) are not used here; ${hint}`,
      ],
    );
    assert.equal(lines.filter((line) => line.includes('aliases')).length, 40);
  });

  it('all of a file and of all files in one go, sorted by place', async () => {
    const lines = await mistakes({
      'junction.yaml': `endpoints:
  mqtt: { type: mqtt, listen: ":1883", windw: 5 }
  amqp: { type: ampq, listen: ":5672" }
routes: [b.yaml, a.yaml]
`,
      'a.yaml': `owner: [sales]
routes:
  - name: one
    from: { endpoint: mqtt, address: "a/#/b" }
    to:
      - { endpoint: amqp, adress: "x" }
      - { endpoint: mqtt, address: "a/{b}/+" }
`,
      'b.yaml': `routes:
\t- name: one
\t  from: { endpoint: nowhere, address: "a" }
\t  to: []
`,
    });
    assert.deepEqual(lines, [
      'a.yaml:1:8: expected text, got a list',
      'a.yaml:3:11: the route name "one" is used twice; the first is at b.yaml:2:10; give each route its own name',
      'a.yaml:4:40: the wildcard # takes the rest, so it must be the last segment',
      'a.yaml:6:27: unknown key "adress"; did you mean "address"? Allowed here: endpoint, address, key, when, headers, content_type, subject, correlation_id, reply_to, priority, ttl, durable, decompress, body, compress, format, reply, retry, allow_loss, mirror',
      'a.yaml:7:39: {b} is not bound: from.address binds no captures',
      'a.yaml:7:43: a target is one address, it cannot hold the wildcard +; capture {name} in from.address and write it here',
      'b.yaml:2:1: a tab is used as indentation; indent with two spaces for each level',
      'b.yaml:3:1: a tab is used as indentation; indent with two spaces for each level',
      'b.yaml:3:22: unknown endpoint "nowhere"; known endpoints: mqtt, amqp',
      'b.yaml:4:1: a tab is used as indentation; indent with two spaces for each level',
      'b.yaml:4:8: expected at least 1 entry',
      'junction.yaml:2:40: unknown key "windw"; did you mean "window"? Allowed here: listen, local, unrouted, window, max_message, max_connections, backlog, grace, topics',
      'junction.yaml:3:17: unknown type "ampq"; did you mean "amqp"? Known types: mqtt, amqp, stomp, kafka',
    ]);
  });
});

describe('addresses', () => {
  const route = (from: string, to: string): string =>
    `routes:\n  - name: a\n    from: ${from}\n    to:\n      - ${to}\n`;

  it('a literal target is checked by its protocol', async () =>
    assert.deepEqual(
      await routeMistakes(
        route('{ endpoint: mqtt, address: "a" }', '{ endpoint: stomp, address: "orders" }'),
      ),
      ['routes.yaml:5:37: "orders" cannot be sent to: it does not begin with /queue/ or /topic/'],
    ));

  it('a target with captures as well', async () =>
    assert.deepEqual(
      await routeMistakes(
        route('{ endpoint: amqp, address: "a.{x}" }', '{ endpoint: stomp, address: "orders.{x}" }'),
      ),
      ['routes.yaml:5:37: "orders.{x}" cannot be sent to: it does not begin with /queue/ or /topic/'],
    ));

  it('a key that names what nobody knows is a mistake at its place', async () =>
    assert.deepEqual(
      await routeMistakes(
        route('{ endpoint: mqtt, address: "{p}/x" }', '{ endpoint: amqp, address: "t", key: "a-{q}" }'),
      ),
      ['routes.yaml:5:49: {q} is not known here; known are {p}, {id}, {key}, {address}, {subject}, {correlation_id}, {reply_to}, {content_type}, {header.NAME}, {body./json/pointer}'],
    ));

  it('text after a substitution is placed at the start of the scalar', async () =>
    assert.deepEqual(
      await routeMistakes(
        route('{ endpoint: mqtt, address: "${SITE}/a+" }', '{ endpoint: amqp, address: "b" }'),
        {
          SITE: 'a-rather-long-name-of-a-site',
        },
      ),
      ['routes.yaml:3:38: the wildcard + must be a whole segment, not part of "a+"'],
    ));

  it('a brace without quotes is explained rather than parsed as a map', async () => {
    assert.deepEqual(
      await routeMistakes(
        route('{ endpoint: mqtt, address: a/{b} }', '{ endpoint: amqp, address: "c" }'),
      ),
      ['routes.yaml:3:40: text that holds { } must be in quotes here; write "..." around the whole text'],
    );
    assert.deepEqual(
      await routeMistakes('routes:\n  - name: a\n    from:\n      endpoint: mqtt\n      address: {b}\n    to: []\n'),
      [
        'routes.yaml:5:16: expected text, got a map; put text that begins with { in quotes',
        'routes.yaml:6:9: expected at least 1 entry',
      ],
    );
  });
});

describe('endpoints', () => {
  const lines: readonly [written: string, line: string][] = [
    ['{ type: constructor }', '2:14: unknown type "constructor"; known types: mqtt, amqp, stomp, kafka'],
    ['{ listen: ":1" }', '2:6: the key "type" is missing; add "type: …" here'],
    [
      '{ type: mqtt }',
      '2:3: the endpoint neither listens nor connects to a broker; add "listen: host:port" or "url: …"',
    ],
    ['{ type: mqtt, lisen: ":1" }', '2:20: unknown key "lisen"; did you mean "listen"?'],
    [
      '{ type: mqtt, listen: ":1", url: x }',
      '2:34: an endpoint either listens or connects to a broker, not both; make it two endpoints',
    ],
    ['{ type: kafka, listen: ":1" }', '2:21: kafka cannot listen; write "brokers: …" to connect to a broker'],
    ['{ type: amqp, url: x }', '2:20: amqp cannot connect to a broker; write "listen: host:port"'],
    ['{ type: kafka }', '2:6: the key "brokers" is missing; add "brokers: …" here'],
    ['{ type: amqp, listen: x }', '2:28: "x" is not an address to listen on; write host:port, e.g. 127.0.0.1:1883'],
    [
      '{ type: amqp, listen: ":1", grace: 5 }',
      '2:41: "5" needs a number and a unit (ms, s, m, h, d), e.g. 30s',
    ],
    ['{ type: amqp, listen: ":1", window: 0 }', '2:42: expected at least 1, got 0'],
    ['{ type: amqp, listen: ":1", window: 1.5 }', '2:42: expected a whole number, got 1.5'],
    ['{ type: amqp, listen: ":1", local: "true" }', '2:41: expected true or false, got text; remove the quotes'],
    [
      '{ type: amqp, listen: ":1", unrouted: rejct }',
      '2:44: expected one of accept, reject, got "rejct"; did you mean "reject"?',
    ],
    ['{ type: mqtt, url: x, ssl: no }', '2:33: expected true or false or a map, got text; write false instead of no'],
    [
      '{ type: mqtt, url: x, ssl: { ca: x, keey: y } }',
      '2:42: unknown key "keey"; did you mean "key"? Allowed here: ca, key',
    ],
    ['{ type: mqtt, url: x, ssl: { ca: 5 } }', '2:39: expected text, got 5; put it in quotes: "5"'],
    ['{ type: mqtt, url: x, ssl: {} }', '2:33: the key "ca" is missing; add "ca: …" here'],
    ['5', '2:6: expected a map, got 5'],
  ];
  for (const [written, line] of lines)
    it(written, async () =>
      assert.deepEqual(await mistakes({ 'junction.yaml': `endpoints:\n  e: ${written}\n` }), [
        `junction.yaml:${line}`,
      ]),
    );

  it('names are checked, none at all is a mistake', async () => {
    assert.deepEqual(
      await mistakes({ 'junction.yaml': 'endpoints:\n  1e: { type: amqp, listen: ":1" }\nlog: { level: inf }\n' }),
      [
        'junction.yaml:2:3: the name of an endpoint begins with a letter and goes on with letters, digits, - or _',
        'junction.yaml:3:15: expected one of debug, info, warn, error, got "inf"; did you mean "info"?',
      ],
    );
    assert.deepEqual(await mistakes({ 'junction.yaml': 'endpoints: {}\n' }), [
      'junction.yaml:1:12: there is no endpoint; name at least one',
    ]);
    assert.deepEqual(await mistakes({ 'junction.yaml': 'routes: []\n' }), [
      'junction.yaml:1:1: the key "endpoints" is missing; add "endpoints: …" here',
    ]);
  });

  it('a file that is not there is reported where it is named', async () => {
    assert.deepEqual(await mistakes({ 'junction.yaml': `${endpoints}routes: [nowhere.yaml]\n` }), [
      'junction.yaml:5:10: nowhere.yaml: the file cannot be read: there is no such file',
    ]);
    assert.deepEqual(await mistakes({}), [
      'junction.yaml:1:1: the file cannot be read: there is no such file',
    ]);
  });
});
