/**
 * Transforms of bodies: messages/s of each, one after the other and with many outstanding, for an order of about 300 bytes.
 * node --import tsx bench/transform.ts [--seconds 1] [--only TEXT]
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { envelope, type Envelope } from '../src/core/envelope.ts';
import { compileTransform, transformSchema } from '../src/transform/index.ts';
import { align } from './report/table.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '1' }, only: { type: 'string', default: '' } },
});
const target = z.strictObject(transformSchema);
type Keys = z.input<typeof target>;

const order = {
  id: 123456,
  customer: 'ada',
  placed: '2024-02-29T12:00:00.123456Z',
  total: 12.5,
  state: 'PAID',
  lines: Array.from({ length: 4 }, (_, n) => ({ sku: `item-${n}`, qty: n })),
  labels: { channel: 'web', country: 'DE' },
  signature: 'AAECAwQFBgcICQ==',
};
const json = JSON.stringify(order);
const proto = JSON.stringify({ id: '123456', customer: 'ada', lines: order.lines, labels: order.labels });
const avro = { avro: 'order.avsc' };
const protobuf = { protobuf: 'order.proto', message: 'acme.Order' };

/** What is measured: how the body is prepared, and the transform. */
const cases: Record<string, { readonly body: string; readonly before?: Keys; readonly keys: Keys }> = {
  'JSON to CBOR': { body: json, keys: { body: { to: 'cbor' } } },
  'CBOR to JSON': { body: json, before: { body: { to: 'cbor' } }, keys: { body: { to: 'json' } } },
  'JSON to MessagePack': { body: json, keys: { body: { to: 'msgpack' } } },
  'MessagePack to JSON': { body: json, before: { body: { to: 'msgpack' } }, keys: { body: { to: 'json' } } },
  'JSON with a 64-bit number to MessagePack': {
    body: json.replace('123456', '9007199254740993'),
    keys: { body: { to: 'msgpack' } },
  },
  'JSON to Avro': { body: json, keys: { body: { to: avro } } },
  'Avro to JSON': { body: json, before: { body: { to: avro } }, keys: { body: { from: avro } } },
  'JSON to Protocol Buffers': { body: proto, keys: { body: { to: protobuf } } },
  'Protocol Buffers to JSON': {
    body: proto,
    before: { body: { to: protobuf } },
    keys: { body: { from: protobuf } },
  },
  'JSONata, one field': { body: json, keys: { body: { jsonata: 'customer', to: 'json' } } },
  'JSONata, an object with a filter': {
    body: json,
    keys: { body: { jsonata: "{ 'id': id, 'lines': lines[qty > 0] }" } },
  },
  'JSONata, a regular expression': {
    body: json,
    keys: { body: { jsonata: '$contains(customer, /^a.*a$/)' } },
  },
  ...(Object.fromEntries(
    (['gzip', 'deflate', 'br', 'zstd'] as const).flatMap((encoding) => [
      [`compress: ${encoding}`, { body: json, keys: { compress: encoding } }],
      [
        `decompress: ${encoding}`,
        { body: json, before: { compress: encoding }, keys: { decompress: 'auto' as const } },
      ],
    ]),
  ) as Record<string, { body: string; before?: Keys; keys: Keys }>),
};

const folder = fileURLToPath(new URL('../test/transform/schemas/', import.meta.url));
const made = async (keys: Keys) => (await compileTransform(target.parse(keys), { folder }))!;
const captures = new Map<string, string>();

/** Messages/s with so many outstanding at most. */
async function measure(keys: Keys, message: Envelope, outstanding: number): Promise<number> {
  const transform = await made(keys);
  const until = performance.now() + Number(values.seconds) * 1000;
  let done = 0;
  const begin = performance.now();
  const one = async (): Promise<void> => {
    while (performance.now() < until) {
      for (let n = 0; n < 32; n++, done++) {
        const result = transform.apply(message, captures);
        if (result instanceof Promise) await result;
      }
    }
  };
  await Promise.all(Array.from({ length: outstanding }, one));
  return (done / (performance.now() - begin)) * 1000;
}

const rows = [['transform', 'bytes in', 'one by one, /s', '100 outstanding, /s']];
for (const [name, { body, before, keys }] of Object.entries(cases)) {
  if (!name.includes(values.only)) continue;
  const plain = envelope({ address: 'a', body: Buffer.from(body), contentType: 'application/json' });
  const message = before === undefined ? plain : await (await made(before)).apply(plain, captures);
  await measure(keys, message, 1); // compiled by the engine before anything counts
  const rates = [await measure(keys, message, 1), await measure(keys, message, 100)];
  rows.push([
    name,
    String(message.body!.length),
    ...rates.map((rate) => Math.round(rate).toLocaleString('en-US')),
  ]);
}
console.log(align(rows));
