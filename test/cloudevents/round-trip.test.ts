import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { cloudEventsIn } from '../../src/cloudevents/incoming.ts';
import { envelope, type Envelope, type Header } from '../../src/core/envelope.ts';
import { apply, carriers, eventsTo } from './support.ts';

const text = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  // what the specification leaves out of Strings
  .filter((each) => !/[\u0000-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}|\p{Surrogate}/u.test(each));
const extension = fc.oneof(
  text.map((value): Header => ['', value]),
  fc.boolean().map((value): Header => ['', value]),
  fc
    .integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
    .map((value): Header => ['', value === 0 ? 0 : value, 'int']),
  fc.uint8Array({ maxLength: 9 }).map((value): Header => ['', value]),
);
const time = fc
  .tuple(
    fc.integer({ min: 0, max: 4_102_444_800_000 }),
    fc.constantFrom('', '456789', '5'),
    fc.constantFrom('Z', '+02:00', '-05:30'),
  )
  .map(([ms, finer, zone]) => `${new Date(ms).toISOString().slice(0, -1)}${finer}${zone}`);
const data = fc.oneof(
  fc.constant<readonly [string | undefined, Uint8Array | null]>([undefined, null]),
  fc.uint8Array({ minLength: 1 }).map((each) => [undefined, each] as const),
  fc.uint8Array().map((each) => ['application/octet-stream', each] as const),
  fc.uint8Array().map((each) => ['application/json', each] as const),
  // white space within it stays, around it does not
  fc
    .json()
    .map((each) => ['application/vnd.x+json; charset=utf-8', Buffer.from(`{ "a":\t${each}\n}`)] as const),
  fc.string().map((each) => ['text/plain', Buffer.from(each)] as const),
  fc.string().map((each) => ['application/xml', Buffer.from(each.toWellFormed())] as const),
);
const names = fc
  .stringMatching(/^[a-z][a-z0-9]{0,15}$/)
  .filter(
    (name) => !/^(data|datacontenttype|specversion|id|source|type|subject|time|dataschema)$/.test(name),
  );

/** An event as it is between the two ends of a route. */
const events = fc
  .record({
    id: text,
    source: fc.constantFrom('/a/b', 'https://example.com/x?y=1#z', 'urn:uuid:6e8bc430', '1-555-123'),
    type: text,
    subject: fc.option(text, { nil: undefined }),
    time: fc.option(time, { nil: undefined }),
    dataschema: fc.option(fc.constant('https://example.com/s.json'), { nil: undefined }),
    extensions: fc.uniqueArray(fc.tuple(names, extension), { maxLength: 5, selector: ([name]) => name }),
    data,
  })
  .map(({ extensions, data: [contentType, body], ...core }): Envelope => {
    const attributes: Header[] = [['specversion', '1.0']];
    for (const [name, value] of Object.entries(core)) if (value !== undefined) attributes.push([name, value]);
    for (const [name, [, value, type]] of extensions)
      attributes.push(type === undefined ? [name, value] : [name, value, type]);
    const headers = attributes.map(([name, ...rest]): Header => [`ce_${name}`, ...rest]);
    return envelope({ address: 'orders', body, contentType, headers: [['X-Own', 'stays'], ...headers] });
  });

interface Kept {
  /** Bytes stay bytes, instead of the base64 that is their canonical string. */
  readonly bytes: boolean;
  /** Names whose values lose their type, since the protocol's mapping takes them for fields of the envelope. */
  readonly textual: ReadonlySet<string>;
}

/** What is to arrive. */
function eventOf(message: Envelope, { bytes, textual }: Kept): object {
  const attributes = message.headers
    .filter(([name]) => name.startsWith('ce_'))
    .map(([name, value]): [string, unknown] => {
      if (value instanceof Uint8Array)
        return [name, bytes ? [...value] : Buffer.from(value).toString('base64')];
      return [name, textual.has(name) ? String(value) : value];
    });
  attributes.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    attributes,
    own: message.headers.filter(([name]) => name === 'X-Own'),
    contentType: message.contentType,
    data: message.body === null ? null : Buffer.from(message.body).toString('base64'),
  };
}

const runs = { numRuns: 150 };

describe('an event', () => {
  for (const { name, protocol, headers, trip } of carriers)
    for (const mode of headers ? (['binary', 'structured'] as const) : (['structured'] as const))
      it(`comes back as it was from ${name}, ${mode}`, () => {
        const out = eventsTo(protocol.name, { mode });
        const back = cloudEventsIn(protocol.cloudEvents);
        const kept: Kept = {
          bytes: mode === 'binary' && protocol.cloudEvents.bytesAsText !== true,
          textual: new Set(mode === 'binary' ? protocol.cloudEvents.fields?.map((name) => `ce_${name}`) : []),
        };
        fc.assert(
          fc.property(events, (event) => {
            const got = apply(back, trip(apply(out, event)));
            // MQTT 3.1.1 has no place for what is no part of the event.
            const own = headers ? undefined : { own: [] };
            assert.deepEqual(eventOf(got, kept), { ...eventOf(event, kept), ...own });
            const id = event.headers.find(([name]) => name === 'ce_id')![1];
            assert.equal(got.id, id);
          }),
          runs,
        );
      });

  it('comes through all protocols one after the other, in changing modes', () => {
    const all = carriers.filter(({ headers }) => headers);
    const kept: Kept = { bytes: false, textual: new Set(['ce_subject', 'ce_priority', 'ce_timestamp']) };
    fc.assert(
      fc.property(
        events,
        fc.array(fc.constantFrom('binary' as const, 'structured' as const), {
          minLength: all.length,
          maxLength: all.length,
        }),
        (event, modes) => {
          let message = event;
          for (const [n, { protocol, trip }] of all.entries()) {
            const mode = modes[n]!;
            message = apply(
              cloudEventsIn(protocol.cloudEvents),
              trip(apply(eventsTo(protocol.name, { mode }), message)),
            );
          }
          assert.deepEqual(eventOf(message, kept), eventOf(event, kept));
        },
      ),
      runs,
    );
  });
});
