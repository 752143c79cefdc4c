import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadConfiguration, type Configuration } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';
import type { Envelope } from '../../src/core/envelope.ts';
import { protocols } from '../../src/protocols/index.ts';
import { explain } from '../../src/trial/explain.ts';
import { findTests, loadTests } from '../../src/trial/load-tests.ts';
import { junitReport, tapReport, textReport } from '../../src/trial/reports.ts';
import { runTest, type TestResult } from '../../src/trial/run-tests.ts';
import { message } from '../helpers.ts';

const configuration = `endpoints:
  mqtt: { type: mqtt, listen: "127.0.0.1:0" }
  amqp: { type: amqp, listen: "127.0.0.1:0" }
  stomp: { type: stomp, listen: "127.0.0.1:0" }
routes: ["*.yaml"]
`;
const routes = `routes:
  - name: r
    from: { endpoint: mqtt, address: "a/{b}" }
    when: "kind <> 'noise' OR kind IS NULL"
    dedup: { window: 1m, by: "{header.n}" }
    spool: true
    to:
      - failover: [{ endpoint: amqp, address: "first.{b}" }, { endpoint: stomp, address: "/queue/second" }]
  - name: ttl
    from: { endpoint: mqtt, address: "long/+" }
    to: [{ endpoint: amqp, address: kept }, { endpoint: mqtt, address: made, ttl: 1500ms }]
`;

let folder: string;
let loaded: Configuration;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'junction-trial-'));
  // The configuration has an ending of its own, so that the pattern does not mean it.
  await writeFile(join(folder, 'junction.yml'), configuration);
  await writeFile(join(folder, 'routes.yaml'), routes);
  loaded = await loadConfiguration(join(folder, 'junction.yml'), { env: {}, protocols });
});
after(() => rm(folder, { recursive: true }));

async function results(tests: string): Promise<TestResult[]> {
  const file = join(folder, 'routes.test.yaml');
  await writeFile(file, `tests:\n${tests.replace(/^/gm, '  ')}`);
  assert.deepEqual(await findTests(loaded), [file]);
  const all: TestResult[] = [];
  for (const test of await loadTests([file], loaded, {})) all.push(await runTest(loaded, test));
  return all;
}

const problemsOf = async (test: string): Promise<readonly string[]> => (await results(test))[0]!.problems;

describe('tests of routes', () => {
  it('pass where all is as expected, through a spool, a group and deduplication', async () => {
    const all = await results(`- name: the first
  given: { endpoint: mqtt, address: a/1, headers: { n: "1" } }
  expect: [{ endpoint: amqp, address: first.1 }]
- name: the second where the first is down
  given: { endpoint: mqtt, address: a/1, headers: { n: "1" } }
  down: [amqp]
  expect: [{ endpoint: stomp, address: /queue/second }]
- name: a repeat goes nowhere
  given: [{ endpoint: mqtt, address: a/1, headers: { n: "1" } }, { endpoint: mqtt, address: a/2, headers: { n: "1" } }]
  expect: [{ endpoint: amqp, address: first.1 }]
- name: noise goes nowhere
  given: { endpoint: mqtt, address: a/1, headers: { kind: noise } }
  expect: nothing
- name: a dead letter where all refuse
  given: { endpoint: mqtt, address: a/1, headers: { n: "1" } }
  refusing: [amqp, stomp]
  expect: [{ dead_letter: { route: r, code: refused, reason: "none of amqp, stomp" } }]
`);
    for (const { test, problems } of all) assert.deepEqual(problems, [], test.name);
    assert.equal(all.length, 5);
  });

  it('say all that is different', async () => {
    assert.deepEqual(
      await problemsOf(`- name: wrong
  given: { endpoint: mqtt, address: a/1, headers: { x: "1", y: "2" }, body: hello }
  expect:
    - { endpoint: amqp, address: first.2, headers: { x: "2", z: [1, 2] }, without: [y], body: { json: { a: 1 } }, key: k }
`),
      [
        'message at amqp first.2: address: expected "first.2", got "first.1"',
        'message at amqp first.2: key: expected "k", got none',
        'message at amqp first.2: header x: expected "2", got "1"',
        'message at amqp first.2: header z: expected 1 (long), 2 (long), got none',
        'message at amqp first.2: header y: expected none',
        'message at amqp first.2: body: expected JSON {"a":1}, got "hello"',
        'the gateway says: a message lacks what dedup.by tells messages apart by, and is sent without looking for repeats',
      ],
    );
  });

  it('know how long a message lives, in the units of its protocol', async () => {
    const problems = await problemsOf(`- name: ttl
  given: { endpoint: mqtt, address: long/1, ttl: 90s }
  expect: [{ endpoint: amqp, address: "kept", ttl: 90s }, { endpoint: mqtt, address: "made", ttl: 1500ms }]
`);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      await problemsOf(`- name: ttl
  given: { endpoint: mqtt, address: long/1 }
  expect: [{ endpoint: amqp, address: "kept", ttl: 90s }, { endpoint: mqtt, address: "made", ttl: 1m }]
`),
      ['message at amqp kept: ttl: expected 90s, got none', 'message at mqtt made: ttl: expected 1m, got 2s'],
    );
  });

  it('say what is missing, what is too much, and what the sender was told', async () => {
    const problems = await problemsOf(`- name: wrong
  given: { endpoint: mqtt, address: a/1, headers: { n: "1" } }
  expect: [{ endpoint: stomp }, { dead_letter: { code: refused } }]
  outcome: rejected
`);
    assert.deepEqual(problems, [
      'outcome: expected rejected, got accepted',
      'expected message at stomp, got none',
      'expected dead letter {"code":"refused"}, got none',
      'unexpected message at amqp first.1: "" with n: "1"',
    ]);
  });

  it('with a mistake are told with its place', async () => {
    await assert.rejects(
      results(`- name: wrong
  given: { endpoint: mqqt, address: a/1, hedaers: {} }
  expect: [{ endpoint: amqp, headers: { x: { int: 5, long: 6 } } }]
  down: [kafka]
`),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        const lines = error.message.replaceAll(`${folder}/`, '').split('\n');
        assert.equal(lines.length, 4, error.message);
        assert.match(lines[0]!, /^routes\.test\.yaml:3:24: unknown endpoint "mqqt"; did you mean "mqtt"\?/);
        assert.match(lines[1]!, /^routes\.test\.yaml:3:44: unknown key "hedaers"; did you mean "headers"\?/);
        assert.match(lines[2]!, /^routes\.test\.yaml:4:\d+: write one type and its value/);
        assert.match(lines[3]!, /^routes\.test\.yaml:5:12: unknown endpoint "kafka"/);
        return true;
      },
    );
  });

  it('are reported as text, TAP and JUnit, whatever is in them', async () => {
    const all = await results(`- name: "good # <1> & \\\\"
  given: { endpoint: mqtt, address: a/1, headers: { n: "1" } }
  expect: [{ endpoint: amqp }]
- name: bad
  given: { endpoint: mqtt, address: a/1, headers: { n: "1" }, body: "<\\u0001>" }
  expect: nothing
`);
    const at = `${join(folder, 'routes.test.yaml')}:5`;
    assert.deepEqual(textReport(all).split('\n'), [
      '✓ good # <1> & \\',
      '✗ bad',
      `    ${at}`,
      '    unexpected message at amqp first.1: "<\\u0001>" with n: "1"',
      '1 passed, 1 failed',
    ]);
    const tap = tapReport(all).split('\n');
    assert.deepEqual(tap.slice(0, 4), [
      'TAP version 13',
      '1..2',
      'ok 1 - good \\# <1> & \\\\',
      'not ok 2 - bad',
    ]);
    const junit = junitReport(all);
    assert.match(junit, /<testsuites name="junction" tests="2" failures="1" errors="0" time="\d+\.\d{3}">/);
    assert.match(junit, /name="good # &lt;1&gt; &amp; \\"/);
    assert.match(junit, /<failure message="unexpected message at amqp first\.1: &quot;&lt;\\u0001&gt;&quot;/);
  });
});

describe('junction explain', () => {
  it('says which routes read an address, and why', async () => {
    const lines = (await explain(loaded, 'mqtt', 'a/1', undefined)).split('\n');
    assert.equal(lines[0], 'mqtt a/1: read by 1 of 2 routes of mqtt');
    assert.deepEqual(lines.slice(2), [
      `route r (${join(folder, 'routes.yaml')}:2)`,
      '  from mqtt a/{b}, where b = 1',
      "  when kind <> 'noise' OR kind IS NULL",
      '  accepted once it is in the spool; failures for good become dead letters in the store; repeats by {header.n} are dropped for 1m',
      '  to amqp first.{b} (failover 1)',
      '    tried once',
      '    lost on the way: all but the first header of one name and retain flags (note)',
      '  to stomp /queue/second (failover 1)',
      '    tried again for ever, waiting 200ms to 30s',
      '    lost on the way: all but the first header of one name and retain flags (note)',
    ]);
    assert.equal(
      await explain(loaded, 'mqtt', 'b', undefined),
      'mqtt b: no route reads it\n  mqtt is read at: a/{b}, long/+',
    );
  });

  it('says of a message what each condition says, and what goes out', async () => {
    const text = await explain(loaded, 'mqtt', 'a/1', message('a/1', 'hi', { headers: [['n', '1']] }));
    assert.match(text, /when kind <> 'noise' OR kind IS NULL: yes/);
    assert.match(text, /→ .* to amqp first\.1\n(?: {6}.*\n)* {6}"hi"/);
    assert.match(text, /its sender is told: accepted$/);
    const noise = await explain(
      loaded,
      'mqtt',
      'a/1',
      message('a/1', 'hi', { headers: [['kind', 'noise']] }),
    );
    assert.match(noise, /: no\n/);
    assert.doesNotMatch(noise, /→/);
  });

  it('says what is lost as check does, and what of it the message has', async () => {
    const here = join(folder, 'lossy');
    await mkdir(here);
    await writeFile(
      join(here, 'junction.yml'),
      `endpoints:
  amqp: { type: amqp, listen: "127.0.0.1:0", max_message: 8MiB }
  old: { type: mqtt, url: "mqtt://127.0.0.1", version: 4 }
  mqtt: { type: mqtt, listen: "127.0.0.1:0" }
  kafka: { type: kafka, brokers: ["127.0.0.1:9092"] }
routes: [routes.yaml]
`,
    );
    await writeFile(
      join(here, 'routes.yaml'),
      `routes:
  - name: r
    from: { endpoint: amqp, address: a }
    dead_letter: { endpoint: kafka, address: dead, allow_loss: [large_messages] }
    to:
      - { endpoint: old, address: a, allow_loss: [body_type, null_body, headers, id, content_type, content_encoding, subject] }
      - { endpoint: mqtt, address: a }
      - { endpoint: kafka, address: a }
`,
    );
    const lossy = await loadConfiguration(join(here, 'junction.yml'), { env: {}, protocols });
    const lost = async (sent?: Envelope): Promise<string[]> =>
      (await explain(lossy, 'amqp', 'a', sent)).split('\n').filter((line) => /^ *lost /.test(line));
    const large = 'messages over 1MB (they are refused for good; its source takes up to 8MiB)';
    const older = [
      '    lost by peers with MQTT 3.1 and 3.1.1 also: types of bodies, null bodies (tombstones), headers, message ids, content ' +
        'types, content encodings, subjects, correlation ids, reply addresses, keys, priorities, times to live, timestamps and counts of routes passed',
    ];
    assert.deepEqual(await lost(), [
      '  lost of dead letters: messages over 1MB (they cannot be put there and stay with their source; its source takes up to 8MiB) ' +
        '(accepted), the order of headers and delivery counts (note)',
      '    lost on the way: types of bodies, null bodies (tombstones), headers, message ids, content types, content encodings and ' +
        'subjects (accepted), correlation ids, reply addresses, keys, priorities, times to live and timestamps (warning), ' +
        'delivery counts and counts of routes passed (note)',
      '    lost on the way: times to live finer than 1000 ms and delivery counts (note)',
      ...older,
      `    lost on the way: ${large} (warning), the order of headers, that a message is not durable and delivery counts (note)`,
    ]);
    const some = await lost(message('a', 'hi', { headers: [['n', '1']], key: 'k', durable: false }));
    assert.deepEqual(
      some.filter((line) => /lost of (this|it)/.test(line)),
      [
        '    lost of this message: headers (accepted), keys (warning)',
        '    lost of this message: nothing',
        '    lost of it by peers with MQTT 3.1 and 3.1.1 also: headers and keys',
        '    lost of this message: that a message is not durable (note)',
      ],
    );
    const much = await lost(message('a', 'x'.repeat(1_000_001)));
    assert.equal(much.at(-1), `    lost of this message: ${large} (warning)`);
  });
});

describe('junction explain, of more than one address', () => {
  const more = `routes:
  - name: more
    from: { endpoint: mqtt, address: "{x}/more" }
    dead_letter: { endpoint: amqp, address: "more.dead" }
    to:
      - switch:
          - when: "kind = 'a' OR kind = 'b'"
            to:
              - endpoint: amqp
                address: first
                headers: { set: { place: "{x}", n: 5 }, remove: [x-*], rename: { old: new } }
                subject: "s-{x}"
                ttl: 5m
                body: { jsonata: "{ 'x': $captures.x }" }
                format: { cloudevents: { type: t, source: /x } }
          - when: { cel: body.v > 80 }
            to: [{ endpoint: amqp, address: second, compress: gzip, body: { from: json, to: cbor } }]
`;
  let whole: Configuration;
  before(async () => {
    await writeFile(join(folder, 'more.yml'), configuration.replace('*.yaml', 'more-routes.yml'));
    await writeFile(join(folder, 'more-routes.yml'), more);
    whole = await loadConfiguration(join(folder, 'more.yml'), { env: {}, protocols });
  });
  const said = async (body?: string, headers: [string, string][] = []): Promise<string[]> => {
    const given =
      body === undefined ? undefined : message('a/more', body, { headers, contentType: 'application/json' });
    const lines = (await explain(whole, 'mqtt', 'a/more', given)).split('\n');
    return lines.filter((line) => !line.includes('lost ')).slice(5);
  };

  it('says what each target changes, and conditions as they are meant', async () => {
    assert.deepEqual(await said(), [
      '  to amqp first',
      "    when kind = 'a' OR kind = 'b'",
      '    removes headers x-*',
      '    renames header old to new',
      '    sets header place to {x}',
      '    sets header n to 5 (long)',
      '    sets subject to s-{x}',
      '    expires after 5m',
      "    changes the body by JSONata { 'x': $captures.x }",
      '    makes them cloudevents: source /x, type t',
      '    tried again for 30s, waiting 200ms to 30s',
      '  to amqp second',
      "    when NOT (kind = 'a' OR kind = 'b')",
      '    when body.v > 80',
      '    changes the body from json to cbor; compresses: gzip',
      '    tried again for 30s, waiting 200ms to 30s',
    ]);
  });

  it('says which dead letter a message becomes', async () => {
    const route = await said('{"v":"90"}');
    assert.ok(
      route.some((line) =>
        /^ {2}→ dead letter to amqp more\.dead: invalid-message: .*body\.v is a text/.test(line),
      ),
      route.join('\n'),
    );
    const target = await said('no json', [['kind', 'a']]);
    assert.ok(
      target.some((line) =>
        line.startsWith('  → dead letter to amqp more.dead, not sent to amqp: invalid-message: '),
      ),
      target.join('\n'),
    );
    assert.ok(!target.some((line) => line.startsWith('    →')), 'a dead letter is no message of the target');
    assert.ok(target.includes('    when body.v > 80'), 'is not asked after the one before said no');
  });

  it('says of a message that no route wants that it is passed by', async () => {
    assert.deepEqual((await said('{"v":9}')).slice(-2), [
      'passed by, counted as filtered: no route wants it',
      'its sender is told: accepted',
    ]);
  });
});

it('a test whose answer finds no request is told how one does', async () => {
  await writeFile(join(folder, 'ask.yml'), configuration.replace('*.yaml', 'ask-routes.yml'));
  await writeFile(
    join(folder, 'ask-routes.yml'),
    `routes:
  - name: ask
    from: { endpoint: mqtt, address: ask }
    reply: { address: answers, allow: ["back/#"] }
    to: [{ endpoint: amqp, address: asked }]
`,
  );
  const asking = await loadConfiguration(join(folder, 'ask.yml'), { env: {}, protocols });
  const file = join(folder, 'ask.test.yml');
  await writeFile(
    file,
    `tests:
  - name: lost
    given:
      - { endpoint: mqtt, address: ask, reply_to: back/1, id: m1 }
      - { endpoint: amqp, address: answers, correlation_id: m2 }
    expect: [{ endpoint: amqp, address: asked }]
`,
  );
  const [test] = await loadTests([file], asking, {});
  const { problems } = await runTest(asking, test!);
  assert.match(problems[0]!, /^outcome: expected accepted, got rejected/);
  assert.equal(
    problems.at(-1),
    'an answer is known by the id of its request: give that an id, and the answer the same as correlation_id',
  );
});

describe('the command line', () => {
  const junction = (...args: string[]): Promise<{ code: number; out: string; err: string }> =>
    new Promise((resolve) => {
      const all = ['--import', 'tsx', 'src/main.ts', ...args, '-c', join(folder, 'junction.yml')];
      execFile(process.execPath, all, (error, out, err) =>
        resolve({ code: error ? Number(error.code) : 0, out, err }),
      );
    });

  it('ends with 1 where a test fails, and writes JUnit’s report', async () => {
    const good = '- { name: a, given: { endpoint: mqtt, address: a/1 }, expect: [{ endpoint: amqp }] }\n';
    await results(good);
    const report = join(folder, 'report.xml');
    const passed = await junction('test', '--tap', '--junit', report);
    assert.deepEqual([passed.code, passed.out], [0, 'TAP version 13\n1..1\nok 1 - a\n'], passed.err);
    assert.match(await readFile(report, 'utf8'), /failures="0"/);
    await results(good.replace('[{ endpoint: amqp }]', 'nothing'));
    assert.equal((await junction('test')).code, 1);
    assert.equal((await junction('test', join(folder, 'nowhere.test.yaml'))).code, 2);
  });

  it('runs the tests below a folder, and knows commands that there are not', async () => {
    await results('- { name: a, given: { endpoint: mqtt, address: a/1 }, expect: [{ endpoint: amqp }] }\n');
    const passed = await junction('test', folder);
    assert.deepEqual([passed.code, passed.out], [0, '✓ a\n1 passed, 0 failed\n'], passed.err);
    const frob = await junction('chek');
    assert.equal(frob.code, 2);
    assert.match(
      frob.err,
      /^junction: unknown command "chek"; did you mean "check"\? Known: run, check, test, /,
    );
    const nope = await junction('check', 'nope');
    assert.deepEqual(
      [nope.code, nope.err],
      [2, 'junction: check takes no files; write -c FILE for a configuration, -r FILE… for route files\n'],
    );
  });

  it('explains a message in a file, and knows what is wrong with it', async () => {
    const file = join(folder, 'message.yml');
    await writeFile(file, 'body: hello\nheaders: { n: "1" }\n');
    const { code, out } = await junction('explain', 'mqtt', 'a/1', '--message', file);
    assert.equal(code, 0);
    assert.match(out, /→ .* to amqp first\.1/);
    await writeFile(file, 'bdy: hello\n');
    const wrong = await junction('explain', 'mqtt', 'a/1', '--message', file);
    assert.deepEqual([wrong.code, /unknown key "bdy"; did you mean "body"\?/.test(wrong.err)], [2, true]);
    const unknown = await junction('explain', 'mqt', 'a/1');
    assert.match(unknown.err, /unknown endpoint "mqt"; did you mean "mqtt"\?/);
  });
});
