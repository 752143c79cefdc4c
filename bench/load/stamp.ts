/**
 * The first bytes of every body: who sent it, its number, and when it was meant to be sent.
 *
 *     0  uint32  run, so that a message of another round is not counted
 *     4  uint32  producer
 *     8  uint32  sequence number of that producer, from 0
 *    12  float64 intended send time, µs (clock.ts)
 */
export const stampBytes = 20;

export interface Stamp {
  readonly run: number;
  readonly producer: number;
  readonly sequence: number;
  readonly intended: number;
}

export function writeStamp(
  into: Buffer,
  at: number,
  run: number,
  producer: number,
  sequence: number,
  intended: number,
): void {
  into.writeUInt32BE(run, at);
  into.writeUInt32BE(producer, at + 4);
  into.writeUInt32BE(sequence, at + 8);
  into.writeDoubleBE(intended, at + 12);
}

export function readStamp(from: Buffer, at: number): Stamp {
  return {
    run: from.readUInt32BE(at),
    producer: from.readUInt32BE(at + 4),
    sequence: from.readUInt32BE(at + 8),
    intended: from.readDoubleBE(at + 12),
  };
}
