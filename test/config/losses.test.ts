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
