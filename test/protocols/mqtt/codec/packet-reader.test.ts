import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import mqttPacket from 'mqtt-packet';
import { PacketReader } from '../../../../src/protocols/mqtt/codec/packet-reader.ts';
import { filterMatches } from '../../../../src/protocols/mqtt/codec/topics.ts';
import type { Violation } from '../../../../src/protocols/mqtt/codec/violation.ts';
import { heldBuffers } from '../../../memory.ts';

const drain = (reader: PacketReader): Buffer[] => {
  const packets: Buffer[] = [];
  while (reader.next(() => {}))
    packets.push(Buffer.from(reader.bytes.subarray(reader.packetStart, reader.end)));
  return packets;
};

describe('PacketReader', () => {
  it('finds the same packets however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 20_000 }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }),
        (bodies, cuts) => {
          const packets = bodies.map((payload) =>
            mqttPacket.generate({
              cmd: 'publish',
              topic: 't',
              payload: Buffer.from(payload),
              qos: 0,
              dup: false,
              retain: false,
            }),
          );
          const stream = Buffer.concat(packets);
          const reader = new PacketReader(100_000);
          const found: Buffer[] = [];
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = cuts[i % cuts.length]!;
            reader.push(stream.subarray(at, at + size));
            at += size;
            found.push(...drain(reader));
          }
          assert.deepEqual(found, packets);
        },
      ),
    );
  });

  it('takes a packet of exactly the limit, and refuses one byte more from its header', () => {
    const packet = Buffer.concat([Buffer.from([0x30, 0x80, 0x01]), Buffer.alloc(128)]);
    const exact = new PacketReader(packet.length);
    exact.push(packet);
    assert.equal(drain(exact).length, 1);
    const small = new PacketReader(packet.length - 1);
    small.push(packet.subarray(0, 3));
    assert.throws(
      () => drain(small),
      (error: Violation) => error.reason === 0x95,
    );
  });

  it('keeps no more than what has arrived, whatever is declared', () => {
    const reader = new PacketReader(300 * 1024 * 1024);
    const before = heldBuffers();
    reader.push(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]));
    assert.equal(drain(reader).length, 0);
    for (let i = 0; i < 100_000; i++) {
      reader.push(Buffer.from([i & 0xff]));
      drain(reader);
    }
    assert.ok(heldBuffers() - before < 8 * 1024 * 1024);
  });
});

describe('filterMatches', () => {
  const cases: [string, string, boolean][] = [
    ['a/b', 'a/b', true],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['a/#', 'a', true],
    ['#', 'a/b', true],
    ['#', '$SYS/a', false],
    ['+/a', '$SYS/a', false],
    ['$SYS/#', '$SYS/a', true],
    ['+/+', '/a', true],
    ['+', '/a', false],
  ];
  for (const [filter, topic, matches] of cases)
    it(`${filter} ${matches ? 'matches' : 'does not match'} ${topic}`, () =>
      assert.equal(filterMatches(filter, topic), matches));
});
