// How many SEND frames of 256 bytes one process reads: node --import tsx bench/stomp-codec.ts
import { FrameReader } from '../src/protocols/stomp/frame-reader.ts';
import { toEnvelope } from '../src/protocols/stomp/mapping.ts';

const count = 200_000;
const body = Buffer.alloc(256, 'x');
const frame = Buffer.concat([
  Buffer.from(
    'SEND\ndestination:/queue/orders\ncontent-type:application/json\nreceipt:r-12345\npersistent:true\ncustomer:4711\ncontent-length:256\n\n',
  ),
  body,
  Buffer.from('\0'),
]);
const stream = Buffer.concat(Array.from({ length: 1000 }, () => frame));
const limits = { maxHead: 65_536, maxHeaders: 128, maxBody: 4 << 20 };

function round(chunkSize: number, map: boolean): number {
  const reader = new FrameReader(limits);
  reader.push(Buffer.from('CONNECT\naccept-version:1.2\n\n\0'));
  reader.next();
  reader.version = '1.2';
  const before = process.cpuUsage();
  let frames = 0;
  let bytes = 0;
  for (let pass = 0; pass < count / 1000; pass++)
    for (let at = 0; at < stream.length; at += chunkSize) {
      reader.push(stream.subarray(at, at + chunkSize));
      for (let next = reader.next(); next; next = reader.next()) {
        frames++;
        bytes += map ? toEnvelope(next.headers, next.body).body!.length : next.body.length;
      }
    }
  const { user, system } = process.cpuUsage(before);
  if (frames !== count || bytes !== count * 256) throw new Error(`read ${frames} frames, ${bytes} bytes`);
  return (user + system) / count;
}

for (const [name, chunk, map] of [
  ['parse, 64 KiB chunks', 65_536, false],
  ['parse, 1,460 B chunks', 1460, false],
  ['parse and map, 64 KiB chunks', 65_536, true],
] as const) {
  round(chunk, map);
  const micros = [1, 2, 3, 4, 5].map(() => round(chunk, map)).sort((a, b) => a - b)[2]!;
  console.log(`${name}: ${micros.toFixed(2)} µs CPU per frame, ${Math.round(1e6 / micros)} frames/s`);
}
