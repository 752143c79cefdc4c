import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Partitioners } from 'kafkajs';
import { hashOf } from '../../../src/protocols/kafka/producer/partitioner.ts';
import { crc32c } from '../../../src/protocols/kafka/wire/crc32c.ts';
import { sequenceAfter } from '../../../src/protocols/kafka/wire/record-batch.ts';

void test('CRC-32C is that of RFC 3720, appendix B.4', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(255)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(Buffer.from('xx123456789'), 2), 0xe3069283);
});

void test('a key goes to the partition where other clients send it', () => {
  const partitioner = Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from({ length: 7 }, (_, partitionId) => ({
    ...{ partitionErrorCode: 0, partitionId, leader: 1, replicas: [1], isr: [1] },
  }));
  fc.assert(
    fc.property(fc.uint8Array(), (key) => {
      const message = { key: Buffer.from(key), value: null };
      assert.equal(hashOf(key) % 7, partitioner({ topic: 't', partitionMetadata, message }));
    }),
  );
});

void test('sequence numbers begin again after the highest', () => {
  assert.equal(sequenceAfter(0, 3), 3);
  assert.equal(sequenceAfter(0x7fff_fffe, 1), 0x7fff_ffff);
  assert.equal(sequenceAfter(0x7fff_ffff, 1), 0);
  assert.equal(sequenceAfter(0x7fff_fffe, 5), 3);
});
