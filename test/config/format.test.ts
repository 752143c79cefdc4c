import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { protocols } from '../../src/protocols/index.ts';
import { load, mistakes } from './support.ts';

const files = (from: string, to: string) => ({
  'junction.yaml': `endpoints:
  mqtt: { type: mqtt, listen: ":1883" }
  amqp: { type: amqp, listen: ":5672" }
  rabbit: { type: rabbitmq, url: "amqp://127.0.0.1" }
  old: { type: mqtt, url: "mqtt://127.0.0.1", version: 4 }
routes: [routes.yaml]
`,
  'routes.yaml': `routes:
  - name: r
    from: ${from}
    to: [${to}]
defaults: { allow_loss: all }
`,
});
const errors = (to: string, from = '{ endpoint: mqtt, address: "a/{b}" }') =>
  mistakes(files(from, to), { protocols });
const target = (format: string, endpoint = 'amqp') => `{ endpoint: ${endpoint}, address: "x", format: ${format} }`;

describe('format of a target', () => {
  it('may be every form', async () => {
    for (const to of [
      target('cloudevents'),
      target('{ cloudevents: {} }'),
      target('{ cloudevents: { mode: structured, content_type: application/json } }', 'old'),
      target('cloudevents', 'old'),
      target('{ cloudevents: { mode: binary, prefix: "cloudEvents:" } }'),
      target('{ cloudevents: { prefix: "ce-" } }', 'rabbit'),
      target(
        '{ cloudevents: { source: "/plants/{b}", type: "com.example.{header.kind}", subject: "{id}", dataschema: "{header.s}", extensions: { plant: "{b}", line: 5, hot: true } } }',
      ),
      target('openmessaging'),
      target('{ openmessaging: { destination: "{b}" } }'),
    ]) {
      const { routes } = await load(files('{ endpoint: mqtt, address: "a/{b}", format: cloudevents }', to), { protocols });
      assert.equal(routes[0]!.to[0]!.steps!.length, 1, to);
      assert.ok(routes[0]!.from.decode);
    }
  });

  const wrong: [format: string, endpoint: string, line: RegExp][] = [
    ['cloudevent', 'amqp', /4:50: expected cloudevents, openmessaging or a map, got "cloudevent"; did you mean "cloudevents"\?/],
    ['{ cloudevents: { mode: binary } }', 'old', /"old" has no headers, which the binary mode needs; write "mode: structured"/],
    ['{ cloudevents: { prefix: "x-" } }', 'rabbit', /"x-" is no prefix that readers there know; known are "cloudEvents_", /],
    ['{ cloudevents: { mode: structured, prefix: "ce-" } }', 'rabbit', /in structured mode attributes have no prefix/],
    ['{ cloudevents: { source: "/a b" } }', 'amqp', /4:75: source holds " ", which a URI cannot; write %20/],
    ['{ cloudevents: { dataschema: "/a" } }', 'amqp', /"\/a" is no absolute URI/],
    ['{ cloudevents: { type: "{c}" } }', 'amqp', /4:74: \{c\} is not known here; known are \{b\}, \{id\}/],
    ['{ cloudevents: { type: "a\\u0001" } }', 'amqp', /type holds a character/],
    ['{ cloudevents: { content_type: json } }', 'amqp', /is no media type/],
    ['{ cloudevents: { extensions: { "my-ext": a } } }', 'amqp', /lower-case letters and digits/],
    ['{ cloudevents: { extensions: { data: a } } }', 'amqp', /lower-case letters and digits/],
    ['{ cloudevents: { extensions: { type: a } } }', 'amqp', /is no extension/],
    ['{ cloudevents: { extensions: { n: 3000000000 } } }', 'amqp', /integer of 32 bits/],
    ['{ cloudevents: { extensions: { n: "{c}" } } }', 'amqp', /\{c\} is not known here/],
    ['{ openmessaging: { destination: "{c}" } }', 'amqp', /\{c\} is not known here/],
    ['openmessaging', 'old', /"old" has no headers/],
  ];
  for (const [format, endpoint, line] of wrong)
    it(`is checked: ${format} to ${endpoint}`, async () => {
      const lines = await errors(target(format, endpoint));
      assert.equal(lines.length, 1, lines.join('\n'));
      assert.match(lines[0]!, line);
    });

  it('of what comes is checked', async () => {
    const from = (format: string, endpoint = 'mqtt') => `{ endpoint: ${endpoint}, address: "a", format: ${format} }`;
    const to = '{ endpoint: amqp, address: "x" }';
    assert.match((await errors(to, from('xml'))).join(), /cloudevents.*openmessaging/);
    assert.match((await errors(to, from('openmessaging', 'old'))).join(), /"old" has no headers/);
    assert.deepEqual(await errors(to, from('cloudevents', 'old')), []);
  });
});
