/** The few AMQP 1.0 frames that a receiver needs, written and read by hand (§1.6 types, §2.3 framing). */

export const header = {
  amqp: Buffer.from([65, 77, 81, 80, 0, 1, 0, 0]),
  sasl: Buffer.from([65, 77, 81, 80, 3, 1, 0, 0]),
} as const;

export const code = {
  open: 0x10,
  begin: 0x11,
  attach: 0x12,
  flow: 0x13,
  transfer: 0x14,
  disposition: 0x15,
  detach: 0x16,
  end: 0x17,
  close: 0x18,
  source: 0x28,
  target: 0x29,
  mechanisms: 0x40,
  init: 0x41,
  outcome: 0x44,
  data: 0x75,
} as const;

export const nothing = Buffer.from([0x40]);
export const yes = Buffer.from([0x41]);
export const no = Buffer.from([0x42]);
/** The described state accepted, §3.4.2. */
export const acceptedState = Buffer.from([0x00, 0x53, 0x24, 0x45]);

export const ubyte = (value: number): Buffer => Buffer.from([0x50, value]);

export function uint(value: number): Buffer {
  const bytes = Buffer.alloc(5, 0x70);
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

export function ushort(value: number): Buffer {
  const bytes = Buffer.alloc(3, 0x60);
  bytes.writeUInt16BE(value, 1);
  return bytes;
}

const short = (constructor: number, value: string): Buffer => {
  const bytes = Buffer.from(value);
  if (bytes.length > 255) throw new Error(`too long for this generator: ${value}`);
  return Buffer.concat([Buffer.from([constructor, bytes.length]), bytes]);
};
export const string = (value: string): Buffer => short(0xa1, value);
export const symbol = (value: string): Buffer => short(0xa3, value);

/** A described list32 with a small descriptor. */
export function described(descriptor: number, ...fields: Buffer[]): Buffer {
  const content = Buffer.concat(fields);
  const head = Buffer.alloc(12);
  head.set([0x00, 0x53, descriptor, 0xd0]);
  head.writeUInt32BE(content.length + 4, 4);
  head.writeUInt32BE(fields.length, 8);
  return Buffer.concat([head, content]);
}

/** One frame on channel 0; `type` 0 is AMQP, 1 SASL. */
export function frame(body: Buffer, type: 0 | 1 = 0): Buffer {
  const head = Buffer.from([0, 0, 0, 0, 2, type, 0, 0]);
  head.writeUInt32BE(8 + body.length, 0);
  return Buffer.concat([head, body]);
}

/** Where the value at `at` ends. */
export function skip(bytes: Buffer, at: number): number {
  const constructor = bytes[at]!;
  switch (constructor >> 4) {
    case 0x0:
      return skip(bytes, skip(bytes, at + 1));
    case 0x4:
      return at + 1;
    case 0x5:
      return at + 2;
    case 0x6:
      return at + 3;
    case 0x7:
      return at + 5;
    case 0x8:
      return at + 9;
    case 0x9:
      return at + 17;
    case 0xa:
    case 0xc:
    case 0xe:
      return at + 2 + bytes[at + 1]!;
    case 0xb:
    case 0xd:
    case 0xf:
      return at + 5 + bytes.readUInt32BE(at + 1);
    default:
      throw new Error(`unknown AMQP constructor 0x${constructor.toString(16)}`);
  }
}

/** An unsigned integer in any of its encodings; undefined for null. */
export function readUint(bytes: Buffer, at: number): number | undefined {
  switch (bytes[at]) {
    case 0x40:
      return undefined;
    case 0x43:
    case 0x44:
      return 0;
    case 0x50:
    case 0x52:
    case 0x53:
      return bytes[at + 1]!;
    case 0x60:
      return bytes.readUInt16BE(at + 1);
    case 0x70:
      return bytes.readUInt32BE(at + 1);
    case 0x80:
      return Number(bytes.readBigUInt64BE(at + 1));
    default:
      throw new Error(`not an unsigned integer: 0x${bytes[at]!.toString(16)}`);
  }
}

export const isTrue = (bytes: Buffer, at: number): boolean =>
  bytes[at] === 0x41 || (bytes[at] === 0x56 && bytes[at + 1] === 1);

/** A performative: its descriptor, where its fields begin, how many they are, and where it ends. */
export interface Performative {
  code: number;
  fields: number;
  count: number;
  end: number;
}

/** Reads the described list at `at` into `into`, which is reused. */
export function readPerformative(bytes: Buffer, at: number, into: Performative): Performative {
  into.code = readUint(bytes, at + 1)!;
  const list = skip(bytes, at + 1);
  into.end = skip(bytes, list);
  const constructor = bytes[list]!;
  into.count =
    constructor === 0x45 ? 0 : constructor === 0xc0 ? bytes[list + 2]! : bytes.readUInt32BE(list + 5);
  into.fields = constructor === 0x45 ? into.end : constructor === 0xc0 ? list + 3 : list + 9;
  return into;
}
