import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import { encodeMap } from '../../codec/encode.ts';
import type { AmqpMap } from '../../codec/types.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';
import type { Terminus } from '../api.ts';
import { readMap, readSymbols, writeSymbols } from './fields.ts';
import { readTerminus, writeTerminus } from './terminus.ts';

export const senderSettleModes = ['unsettled', 'settled', 'mixed'] as const;
export const receiverSettleModes = ['first', 'second'] as const;

/** The peer's attach (§2.7.3). */
export interface PeerAttach {
  readonly name: string;
  readonly handle: number;
  /** true: the peer receives. */
  readonly receiver: boolean;
  readonly senderSettleMode: (typeof senderSettleModes)[number];
  readonly receiverSettleMode: (typeof receiverSettleModes)[number];
  readonly source: Terminus | undefined;
  readonly target: Terminus | undefined;
  /** Its target is a transaction coordinator. */
  readonly coordinator: boolean;
  /** 0 where absent. */
  readonly initialDeliveryCount: number;
  /** In bytes; Infinity where there is no limit. */
  readonly maxMessageSize: number;
  readonly offeredCapabilities: readonly string[];
  readonly desiredCapabilities: readonly string[];
  readonly properties: AmqpMap | undefined;
}

export function readAttach(cursor: Cursor): PeerAttach {
  const outer = cursor.end;
  const count = cursor.enterList();
  if (count < 3) cursor.fail('an attach without name, handle or role');
  const name = cursor.stringOr(undefined) ?? cursor.fail('an attach without name');
  const handle = cursor.uintOr(-1);
  if (handle < 0) cursor.fail('an attach without handle');
  const receiver = cursor.booleanOr(false);
  const senderMode = count > 3 ? cursor.ubyteOr(2) : 2;
  const receiverMode = count > 4 ? cursor.ubyteOr(0) : 0;
  const source = count > 5 ? readTerminus(cursor) : undefined;
  const target = count > 6 ? readTerminus(cursor) : undefined;
  if (source === 'coordinator') return cursor.fail('a coordinator cannot be a source');
  if (count > 7) cursor.skip(); // unsettled: links are not resumed, our answer has none
  if (count > 8) cursor.skip(); // incomplete-unsettled
  const initialDeliveryCount = count > 9 ? cursor.uintOr(0) : 0;
  const maxMessageSize = count > 10 ? cursor.ulongOr(0) : 0;
  const offeredCapabilities = count > 11 ? readSymbols(cursor) : [];
  const desiredCapabilities = count > 12 ? readSymbols(cursor) : [];
  const properties = count > 13 ? readMap(cursor) : undefined;
  cursor.leave(outer);
  return {
    name,
    handle,
    receiver,
    senderSettleMode: senderSettleModes[senderMode] ?? cursor.fail('an unknown snd-settle-mode'),
    receiverSettleMode: receiverSettleModes[receiverMode] ?? cursor.fail('an unknown rcv-settle-mode'),
    source,
    target: target === 'coordinator' ? undefined : target,
    coordinator: target === 'coordinator',
    initialDeliveryCount,
    maxMessageSize: maxMessageSize === 0 ? Infinity : maxMessageSize,
    offeredCapabilities,
    desiredCapabilities,
    properties,
  };
}

/** Our attach, of our own or in answer to one. */
export interface OurAttach {
  readonly name: string;
  readonly handle: number;
  /** true: we receive. */
  readonly receiver: boolean;
  readonly senderSettleMode: (typeof senderSettleModes)[number];
  readonly receiverSettleMode: (typeof receiverSettleModes)[number];
  readonly source: Terminus | undefined;
  readonly target: Terminus | undefined;
  readonly maxMessageSize: number;
  readonly offeredCapabilities: readonly string[] | undefined;
  readonly properties: AmqpMap | undefined;
}

export function writeAttach(writer: Writer, attach: OurAttach): void {
  write.describe(writer, descriptor.attach);
  const at = write.beginCompound(writer, code.list32);
  write.string(writer, attach.name);
  write.uint(writer, attach.handle);
  write.boolean(writer, attach.receiver);
  write.ubyte(writer, senderSettleModes.indexOf(attach.senderSettleMode));
  write.ubyte(writer, receiverSettleModes.indexOf(attach.receiverSettleMode));
  writeTerminus(writer, 'source', attach.source);
  writeTerminus(writer, 'target', attach.target);
  writer.u8(code.null);
  writer.u8(code.null);
  // initial-delivery-count is required of a sender (§2.7.3)
  if (attach.receiver) writer.u8(code.null);
  else write.uint(writer, 0);
  write.ulong(writer, BigInt(attach.maxMessageSize));
  writeSymbols(writer, attach.offeredCapabilities);
  writer.u8(code.null);
  if (attach.properties) encodeMap(writer, attach.properties);
  else writer.u8(code.null);
  write.endCompound(writer, at, 14, code.list8);
}
