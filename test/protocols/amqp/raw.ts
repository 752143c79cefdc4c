// Frames written and read by rhea's codec: an independent hand on the raw bytes of the protocol.
import { createRequire } from 'node:module';

interface Frame {
  channel: number;
  performative?: Record<string, unknown> & { descriptor?: { value: number } };
  payload?: Buffer;
}

interface RheaFrames {
  write_frame(frame: object): Buffer;
  read_frame(bytes: Buffer): Frame | null;
  amqp_frame(channel: number, performative?: object, payload?: Buffer): object;
  sasl_frame(performative: object): object;
}

const require = createRequire(import.meta.url);
const frames = require('rhea/lib/frames.js') as RheaFrames;
const performatives = frames as unknown as Record<string, (fields: object) => object>;
/** rhea's value writer: `wrap_…` and `described`. */
export const types = require('rhea/lib/types.js') as Record<string, (...args: unknown[]) => unknown>;
const terminus = require('rhea/lib/terminus.js') as Record<
  'source' | 'target',
  (fields: object) => { described(): object }
>;
export const source = (fields: object = { address: 'q' }): object => terminus.source(fields).described();
export const target = (fields: object = { address: 'q' }): object => terminus.target(fields).described();

export const amqpHeader = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1');
export const saslHeader = Buffer.from('AMQP\x03\x01\x00\x00', 'latin1');

/** One frame, e.g. `frame('begin', { next_outgoing_id: 0, … })`. */
export function frame(name: string, fields: object, payload?: Buffer, channel = 0): Buffer {
  return frames.write_frame(frames.amqp_frame(channel, performatives[name]!(fields), payload));
}

export function saslFrame(name: string, fields: object): Buffer {
  return frames.write_frame(frames.sasl_frame(performatives[name]!(fields)));
}

export const emptyFrame = Buffer.from([0, 0, 0, 8, 2, 0, 0, 0]);

export const open = (fields: object = {}): Buffer => frame('open', { container_id: 'raw', ...fields });

export const begin = (fields: object = {}, channel = 0): Buffer =>
  frame(
    'begin',
    { next_outgoing_id: 0, incoming_window: 2048, outgoing_window: 2048, ...fields },
    undefined,
    channel,
  );

/** An attach; `peer` is what the peer is. */
export const attach = (peer: 'sender' | 'receiver', fields: object = {}): Buffer =>
  frame('attach', {
    name: `raw-${peer}`,
    handle: 0,
    role: peer === 'receiver',
    source: source(),
    target: target(),
    ...(peer === 'sender' && { initial_delivery_count: 0 }),
    ...fields,
  });

export const transfer = (fields: object = {}, payload: Buffer = Buffer.from([0, 0x53, 0x77, 0x40])): Buffer =>
  frame(
    'transfer',
    {
      handle: 0,
      delivery_id: 0,
      delivery_tag: Buffer.from('t'),
      message_format: 0,
      settled: false,
      ...fields,
    },
    payload,
  );

export const flow = (fields: object = {}): Buffer =>
  frame('flow', {
    next_incoming_id: 0,
    incoming_window: 2048,
    next_outgoing_id: 0,
    outgoing_window: 2048,
    ...fields,
  });

/** All frames and protocol headers of some output, as `name {fields}`. */
export interface Read {
  readonly name: string;
  readonly channel: number;
  readonly fields: Record<string, unknown>;
  readonly payload: Buffer | undefined;
}

const names = new Map<number, string>([
  [0x10, 'open'],
  [0x11, 'begin'],
  [0x12, 'attach'],
  [0x13, 'flow'],
  [0x14, 'transfer'],
  [0x15, 'disposition'],
  [0x16, 'detach'],
  [0x17, 'end'],
  [0x18, 'close'],
  [0x40, 'sasl_mechanisms'],
  [0x42, 'sasl_challenge'],
  [0x44, 'sasl_outcome'],
]);

export function readFrames(chunks: readonly Buffer[]): Read[] {
  const bytes = Buffer.concat(chunks);
  const read: Read[] = [];
  for (let pos = 0; pos < bytes.length;) {
    if (bytes.toString('latin1', pos, pos + 4) === 'AMQP') {
      read.push({ name: `header ${bytes[pos + 4]}`, channel: 0, fields: {}, payload: undefined });
      pos += 8;
      continue;
    }
    const size = bytes.readUInt32BE(pos);
    const part = bytes.subarray(pos, pos + size);
    const found = frames.read_frame(part);
    pos += size;
    if (!found?.performative) read.push({ name: 'empty', channel: 0, fields: {}, payload: undefined });
    else {
      const described = part[8] === 0 && part[9] === 0x53 ? part[10]! : -1;
      read.push({
        name: names.get(described) ?? `0x${described.toString(16)}`,
        channel: found.channel,
        fields: found.performative,
        payload: found.payload,
      });
    }
  }
  return read;
}
