// The frames that fuzzing starts from, written by rhea's codec.
import * as raw from '../protocols/amqp/raw.ts';
import { writeMessage } from '../../src/protocols/amqp/codec/message-writer.ts';
import { AmqpArray, AmqpMap, symbol } from '../../src/protocols/amqp/codec/types.ts';

const begun = [raw.amqpHeader, raw.open({ idle_time_out: 5_000 }), raw.begin()];

/** How a connection may begin. */
export const openings: readonly (readonly Buffer[])[] = [
  begun,
  [...begun, raw.attach('sender')],
  [...begun, raw.attach('sender'), raw.attach('receiver', { handle: 1 })],
  [
    raw.amqpHeader,
    raw.open({ max_frame_size: 512, properties: { a: { b: ['c'] } } }),
    raw.begin({ incoming_window: 3 }),
    raw.attach('receiver', { handle: 1 }),
    raw.flow({ handle: 1, delivery_count: 0, link_credit: 20, incoming_window: 3 }),
  ],
  [
    raw.saslHeader,
    raw.saslFrame('sasl_init', {
      mechanism: 'PLAIN',
      initial_response: Buffer.from('\0a\0b'),
      hostname: 'h',
    }),
    ...begun,
    raw.attach('sender'),
  ],
  [
    raw.saslHeader,
    raw.saslFrame('sasl_init', { mechanism: 'SCRAM-SHA-256', initial_response: Buffer.from('n,,n=a,r=b') }),
    raw.saslFrame('sasl_response', { response: Buffer.from('c=biws,r=b,p=AAAA') }),
  ],
];

const messages: readonly Buffer[] = [
  writeMessage({ body: { kind: 'string', bytes: Buffer.from('text') } }),
  writeMessage({
    header: { durable: true, ttl: 5, deliveryCount: 1 },
    messageAnnotations: new AmqpMap([[symbol('x'), new AmqpArray('string', ['a', 'b'])]]),
    properties: { messageId: 5n, correlationId: new Uint8Array(3), contentType: 'a/b', groupSequence: 3 },
    applicationProperties: [
      ['a', 'b'],
      ['n', 5, 'int'],
    ],
    body: { kind: 'data', bytes: Buffer.alloc(300) },
    footer: new AmqpMap([[symbol('f'), null]]),
  }),
];

/** Single-frame transfers by delivery-id, which must go up by one. */
export function transferPool(): Buffer[][] {
  return Array.from({ length: 16 }, (_, id) =>
    messages.flatMap((payload) => [
      raw.transfer({ delivery_id: id }, payload),
      raw.transfer({ delivery_id: id, settled: true }, payload),
    ]),
  );
}

/** Frames that may come in any order; most inputs use several. */
export function framePool(): Buffer[] {
  const pool: Buffer[] = [];
  for (let id = 0; id < 6; id++)
    pool.push(raw.transfer({ delivery_id: id, more: true }, Buffer.alloc(2_000)));
  const continued = { delivery_id: undefined, delivery_tag: undefined };
  pool.push(
    raw.transfer({ ...continued, more: true }, Buffer.alloc(3_000)),
    raw.transfer(continued, Buffer.alloc(10)),
    raw.transfer({ ...continued, aborted: true }, Buffer.alloc(0)),
    raw.transfer({ resume: true }),
    raw.flow(),
    raw.flow({ echo: true }),
    raw.emptyFrame,
    raw.begin({}, 1),
    raw.frame('end', {}),
    raw.frame('close', {}),
    raw.frame('disposition', { role: false, first: 0, last: 5, settled: true }),
    raw.attach('sender', { name: 'two', handle: 2, properties: { a: 'b' } }),
    raw.attach('receiver', {
      name: 'two',
      handle: 3,
      source: raw.source({ address: 'x', filter: { s: 'a > b' } }),
    }),
  );
  for (const handle of [0, 1, 2, 3]) {
    pool.push(raw.frame('detach', { handle, closed: true }), raw.frame('detach', { handle, closed: false }));
    for (const fields of [{}, { drain: true }, { echo: true }])
      pool.push(raw.flow({ handle, delivery_count: 0, link_credit: 9, ...fields }));
  }
  for (const code of [0x23, 0x24, 0x25, 0x26, 0x27])
    for (const last of [0, 3, 0xffff_fffe]) {
      const state = raw.types.described!(raw.types.wrap_ulong!(code), raw.types.wrap_list!([]));
      pool.push(raw.frame('disposition', { role: true, first: 0, last, settled: code !== 0x24, state }));
    }
  return pool;
}
