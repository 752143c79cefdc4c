/** What check says of losses, of the real protocols' traits. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblems } from '../../src/config/problems.ts';
import { protocols } from '../../src/protocols/index.ts';
import { load, mistakes } from './support.ts';

const configuration = `endpoints:
  amqp: { type: amqp, listen: ":5672" }
  mqtt: { type: mqtt, listen: ":1883" }
  old: { type: mqtt, url: "mqtt://127.0.0.1", version: 4 }
  lossy: { type: mqtt, url: "mqtt://127.0.0.1", qos: 0 }
  rocket: { type: rocketmq, brokers: ["127.0.0.1:8081"], group: g }
  kafka: { type: kafka, brokers: ["127.0.0.1:9092"], group: g }
routes: [routes.yaml]
`;

const files = (routes: string) => ({ 'junction.yaml': configuration, 'routes.yaml': routes });

/** The warnings of a route file that is used all the same. */
async function warnings(routes: string): Promise<string[]> {
  const { warnings: all } = await load(files(routes), { protocols });
  return all.map(({ file, ...problem }) => formatProblems([{ ...problem, file: file.replace(/.*\//, '') }]));
}

const route = (from: string, to: string, more = ''): string =>
  `routes:\n  - name: a\n    from: { endpoint: ${from} }\n${more}    to:\n      - ${to}\n`;
const toOld = (more = ''): string => `{ endpoint: old, address: a${more} }`;

const metadata =
  'id, content_type, content_encoding, subject, correlation_id, reply_to, key, priority, ttl, timestamp';

describe('losses', () => {
  it('of data are an error until they are allowed, in one line for each target', async () => {
    const got = await mistakes(files(route('amqp, address: a', toOld())), { protocols });
    assert.deepEqual(got, [
      'routes.yaml:5:9: on the way to "old" (mqtt) this is lost: types of bodies, null bodies (tombstones), headers, message ids, ' +
        'content types, content encodings, subjects, correlation ids, reply addresses, keys, priorities, times to live ' +
        `and timestamps; write "allow_loss: [body_type, null_body, headers, ${metadata}]" where that is meant`,
    ]);
  });

  it('of metadata are a warning', async () => {
    const [line, ...more] = await warnings(
      route('amqp, address: a', toOld(', allow_loss: [body_type, null_body, headers, key, id, timestamp]')),
    );
    assert.deepEqual(more, []);
    assert.equal(
      line,
      'routes.yaml:5:9: warning: on the way to "old" (mqtt) this is lost: content types, content encodings, subjects, correlation ids, ' +
        'reply addresses, priorities and times to live; write "allow_loss: [content_type, content_encoding, ' +
        'subject, correlation_id, reply_to, priority, ttl]" where that is meant',
    );
  });

  it('that nobody misses are silent, and so are those that can be allowed', async () => {
    assert.deepEqual(await warnings(route('mqtt, address: a', '{ endpoint: amqp, address: a }')), []);
    assert.deepEqual(
      await warnings(route('mqtt, address: a', '{ endpoint: amqp, address: a, allow_loss: [repeated_headers, retain] }')),
      [],
    );
    assert.deepEqual(await warnings(route('amqp, address: a', toOld(', allow_loss: all'))), []);
  });

  it('are allowed by target, route and defaults together', async () => {
    const written = route(
      'amqp, address: a',
      toOld(', allow_loss: [body_type, null_body]'),
      '    allow_loss: [headers, id]\n',
    );
    assert.deepEqual(await warnings(`defaults: { allow_loss: [${metadata.slice(4)}] }\n${written}`), []);
  });

  it('that do not happen are not allowed in vain', async () => {
    const written = route(
      'amqp, address: a',
      '{ endpoint: kafka, address: a, allow_loss: [durable, reply_to] }',
      '    allow_loss: [headers]\n',
    );
    assert.deepEqual(await warnings(`defaults: { allow_loss: [key, retain, delivery_count] }\n${written}`), [
      'routes.yaml:1:26: warning: "key" is not lost by a route of this file; leave it out of "allow_loss"',
      'routes.yaml:1:31: warning: "retain" is not lost by a route of this file; leave it out of "allow_loss"',
      'routes.yaml:5:18: warning: "headers" is not lost at a target of this route; leave it out of "allow_loss"',
      'routes.yaml:7:62: warning: "reply_to" is not lost at this target; leave it out of "allow_loss"',
    ]);
  });

  it('have names, and a misspelt one is a mistake', async () => {
    const got = await mistakes(files(route('amqp, address: a', toOld(', allow_loss: [content_typ]'))), { protocols });
    assert.equal(got.length, 1);
    assert.match(got[0]!, /^routes\.yaml:5:51: expected one of body_type, .*, got "content_typ"; did you mean "content_type"\?$/);
    const word = await mistakes(files(route('amqp, address: a', toOld(', allow_loss: everything'))), { protocols });
    assert.equal(word.length, 1);
    assert.match(word[0]!, /^routes\.yaml:5:50: expected all or a list/);
  });

  for (const written of ['everything', 'true', 'headers', '{ headers: true }'])
    it(`are told how they are allowed where somebody writes ${written}`, async () => {
      const got = await mistakes(files(route('amqp, address: a', toOld(`, allow_loss: ${written}`))), { protocols });
      assert.equal(got.length, 1);
      assert.match(got[0]!, /; write "allow_loss: \[headers, key\]" .*or "allow_loss: all"; the names are body_type, .*, messages$/);
    });

  it('are all allowed by a word, not by a list of it', async () => {
    const got = await mistakes(files(route('amqp, address: a', toOld(', allow_loss: [all]'))), { protocols });
    assert.match(got.join(), /got "all"; write "allow_loss: all", without brackets$/);
  });

  it('are none where the source has nothing to lose, or the route takes it out', async () => {
    assert.deepEqual(await warnings(route('old, address: q', toOld())), []);
    const [line] = await warnings(
      route('amqp, address: a', toOld(', headers: { remove: ["*"] }, allow_loss: [body_type, null_body]')),
    );
    assert.match(line!, /warning: .*\) this is lost: message ids, /);
  });

  it('happen to what the route itself puts in', async () => {
    const [line] = await mistakes(
      files(route('old, address: a', toOld(', subject: s, key: k, headers: { set: { a: b } }'))),
      { protocols },
    );
    assert.match(line!, /^routes\.yaml:5:9: on the way to "old" \(mqtt\) this is lost: headers, subjects and keys;/);
  });

  it('of order are told where no key keeps it', async () => {
    const to = (more: string): string => route('amqp, address: a', `{ endpoint: rocket, address: a${more} }`);
    assert.deepEqual(await warnings(to('')), [
      'routes.yaml:5:9: warning: on the way to "rocket" (rocketmq) this is lost: the order of messages without a key; give the ' +
        'target a "key:" to keep the order of its messages, or write "allow_loss: [order]" where that is meant',
    ]);
    assert.deepEqual(await warnings(to(', key: k')), []);
  });

  it('of messages are told where the source may miss some', async () => {
    assert.deepEqual(await warnings(route('lossy, address: a', '{ endpoint: amqp, address: a }')), [
      'routes.yaml:5:9: warning: on the way to "amqp" (amqp) this is lost: some messages, before they get here (qos: 0); ' +
        'write "allow_loss: [messages]" where that is meant',
    ]);
  });
});

describe('losses of large messages', () => {
  const sized = (amqp: string, kafka: string): Record<string, string> => ({
    'junction.yaml': `endpoints:
  amqp: { type: amqp, listen: ":5672"${amqp} }
  kafka: { type: kafka, brokers: ["127.0.0.1:9092"]${kafka} }
  mqtt: { type: mqtt, listen: ":1883" }
routes: [routes.yaml]
`,
    'routes.yaml': route('amqp, address: a', '{ endpoint: kafka, address: a }'),
  });
  const told = async (all: Record<string, string>): Promise<string[]> =>
    (await load(all, { protocols })).warnings.map(({ message, hint }) => `${message}; ${hint}`);

  it('are a warning where somebody has set a limit', async () => {
    assert.deepEqual(await told(sized(', max_message: 16MiB', '')), [
      'on the way to "kafka" (kafka) this is lost: messages over 1MB (they are refused for good; its source takes up to ' +
        '16MiB); let its source take no larger ones ("max_message"), or the target larger ones, or write "allow_loss: ' +
        '[large_messages]" where that is meant',
    ]);
    assert.match((await told(sized('', ', max_message: 100KiB'))).join(), /messages over 100KiB \(.* up to 4MiB\)/);
  });

  it('are a note where nobody has, and none where all fits', async () => {
    const usual = await load(sized('', ''), { protocols });
    assert.deepEqual(usual.warnings, []);
    const of = ({ losses }: typeof usual) => losses.get('a')!.targets[0]!.find(({ name }) => name === 'large_messages');
    assert.equal(of(usual)?.severity, 'note');
    assert.equal(of(await load(sized(', max_message: 1MB', ''), { protocols })), undefined);
    const large = await load(sized(', max_message: 64MiB', ', max_message: 64MiB'), { protocols });
    assert.deepEqual([large.warnings, of(large)], [[], undefined]);
  });

  it('are those that the protocol has no way to write', async () => {
    const all = sized(', max_message: 1GiB', '');
    all['routes.yaml'] = route('amqp, address: a', '{ endpoint: mqtt, address: a }');
    assert.match((await told(all)).join(), /messages over 268435455B \(.*1GiB\); let its source take no larger ones \("max_message"\), or write/);
  });

  it('are not known where a step makes another body', async () => {
    const all = sized(', max_message: 16MiB', '');
    all['routes.yaml'] = route('amqp, address: a', '{ endpoint: kafka, address: a, compress: gzip }');
    assert.deepEqual(await told(all), []);
  });
});

describe('losses of dead letters', () => {
  const from = (source: string, letters: string, more = ''): string =>
    `routes:\n  - name: a\n    from: { endpoint: ${source}, address: a }\n    dead_letter: { endpoint: ${letters} }\n${more}` +
    '    to: [{ endpoint: kafka, address: a }]\n';
  const toAmqp = 'amqp, address: dead';

  it('are told as those of targets are, by what a dead letter has', async () => {
    const got = await mistakes(files(from('amqp', 'old, address: dead')), { protocols });
    const names = metadata.replace(', ttl', '');
    assert.equal(got.length, 1);
    assert.match(got[0]!, /^routes\.yaml:4:18: of dead letters at "old" \(mqtt\) this is lost: types of bodies, .*headers \(the reason among them\), /);
    assert.ok(got[0]!.endsWith(`write "allow_loss: [body_type, null_body, headers, ${names}]" where that is meant`), got[0]);
    // Its own headers are lost also where messages have none.
    const bare = await mistakes(files(from('old', 'old, address: dead')), { protocols });
    assert.match(bare.join(), /of dead letters .* this is lost: headers \(the reason among them\);/);
  });

  it('warn of data that is a note at targets', async () => {
    assert.deepEqual(await warnings(from('mqtt', toAmqp)), [
      'routes.yaml:4:18: warning: of dead letters at "amqp" (amqp) this is lost: all but the first header of one name; write ' +
        '"allow_loss: [repeated_headers]" where that is meant',
    ]);
    assert.match((await warnings(from('amqp', 'kafka, address: dead'))).join(), /messages over 1MB \(they cannot be put there and stay with their source; /);
  });

  it('are allowed there, by the route and by the defaults', async () => {
    assert.deepEqual(await warnings(from('mqtt', `${toAmqp}, allow_loss: [repeated_headers]`)), []);
    assert.deepEqual(await warnings(from('mqtt', `${toAmqp}, allow_loss: all`)), []);
    assert.deepEqual(await warnings(from('mqtt', toAmqp, '    allow_loss: [repeated_headers]\n')), []);
    assert.deepEqual(await warnings(`defaults: { allow_loss: [repeated_headers] }\n${from('mqtt', toAmqp)}`), []);
    assert.match((await warnings(from('amqp', `${toAmqp}, allow_loss: [key]`))).join(), /"key" is not lost by dead letters here;/);
  });

  it('of the defaults are told once, of the routes that use them', async () => {
    const each = (name: string, source: string, more = ''): string =>
      `  - { name: ${name}, from: { endpoint: ${source}, address: ${name} }, to: [{ endpoint: kafka, address: a }]${more} }\n`;
    const all = (allow: string, ...routes: string[]): string =>
      `defaults: { dead_letter: { endpoint: amqp, address: dead${allow} } }\nroutes:\n${routes.join('')}`;
    assert.equal((await warnings(all('', each('a', 'mqtt'), each('b', 'mqtt')))).length, 1);
    assert.deepEqual(await warnings(all(', allow_loss: [repeated_headers]', each('a', 'mqtt'), each('b', 'amqp'))), []);
    assert.equal((await warnings(all(', allow_loss: [repeated_headers]', each('b', 'amqp')))).length, 1);
    assert.deepEqual(await warnings(all(', allow_loss: [key]', each('a', 'mqtt', ', dead_letter: store'))), []);
  });
});
