import type { BodyType, Header } from '../../../core/envelope.ts';
import { code, descriptor } from './codes.ts';
import { Cursor } from './cursor.ts';
import { decodeValue } from './decode.ts';
import { readApplicationProperties, readHeader, readProperties } from './message-sections.ts';
import {
  AmqpMap,
  type MessageBody,
  type MessageHeader,
  type MessageProperties,
  type MessageView,
} from './types.ts';

const absent = -1;

/**
 * Finds the sections of an encoded message (§3.2) without parsing them.
 * @throws DecodeError if it is not a sequence of known sections in their order
 */
export function readMessage(bytes: Buffer): MessageView {
  return new LazyMessage(bytes);
}

const noHeader: MessageHeader = Object.freeze({
  durable: false,
  priority: 4,
  ttl: undefined,
  firstAcquirer: false,
  deliveryCount: 0,
});

const noHeaders: readonly Header[] = Object.freeze([]);

class LazyMessage implements MessageView {
  readonly bytes: Buffer;
  // Where the content of each section begins, behind its descriptor.
  #headerAt = absent;
  #deliveryAnnotationsAt = absent;
  #messageAnnotationsAt = absent;
  #propertiesAt = absent;
  #applicationPropertiesAt = absent;
  #bodyAt = absent;
  #bodyCode: number = descriptor.data;
  #bodySections = 0;
  #footerAt = absent;
  #bareFrom = absent;
  #bareTo: number;
  #header: MessageHeader | undefined;
  #properties: MessageProperties | undefined;
  #applicationProperties: readonly Header[] | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.#bareTo = bytes.length;
    const cursor = new Cursor(bytes);
    let last = 0;
    while (cursor.pos < cursor.end) {
      const from = cursor.pos;
      const section = cursor.descriptor();
      if (section < descriptor.header || section > descriptor.footer) cursor.fail('an unknown section');
      const repeats =
        section === last &&
        (section === descriptor.data || section === descriptor.sequence) &&
        this.#bodySections > 0;
      const follows = section > last && !(isBody(section) && this.#bodySections > 0);
      if (!repeats && !follows) cursor.fail('a section that may not stand here');
      if (section >= descriptor.properties && section !== descriptor.footer && this.#bareFrom === absent)
        this.#bareFrom = from;
      if (section === descriptor.footer) this.#bareTo = from;
      this.#found(section, cursor.pos);
      last = section;
      cursor.skip();
    }
    if (this.#bareFrom === absent) this.#bareFrom = this.#bareTo;
  }

  #found(section: number, at: number): void {
    switch (section) {
      case descriptor.header:
        this.#headerAt = at;
        return;
      case descriptor.deliveryAnnotations:
        this.#deliveryAnnotationsAt = at;
        return;
      case descriptor.messageAnnotations:
        this.#messageAnnotationsAt = at;
        return;
      case descriptor.properties:
        this.#propertiesAt = at;
        return;
      case descriptor.applicationProperties:
        this.#applicationPropertiesAt = at;
        return;
      case descriptor.footer:
        this.#footerAt = at;
        return;
      default:
        if (this.#bodySections++ === 0) {
          this.#bodyAt = at;
          this.#bodyCode = section;
        }
    }
  }

  get bare(): Buffer {
    return this.bytes.subarray(this.#bareFrom, this.#bareTo);
  }

  get header(): MessageHeader {
    this.#header ??=
      this.#headerAt === absent ? noHeader : readHeader(new Cursor(this.bytes, this.#headerAt));
    return this.#header;
  }

  get deliveryAnnotations(): AmqpMap | undefined {
    return this.#map(this.#deliveryAnnotationsAt);
  }

  get messageAnnotations(): AmqpMap | undefined {
    return this.#map(this.#messageAnnotationsAt);
  }

  get annotationBytes(): Buffer {
    const cursor = new Cursor(this.bytes, this.#messageAnnotationsAt);
    cursor.skip();
    return this.bytes.subarray(this.#messageAnnotationsAt, cursor.pos);
  }

  get footer(): AmqpMap | undefined {
    return this.#map(this.#footerAt);
  }

  get properties(): MessageProperties {
    this.#properties ??= readProperties(
      this.#propertiesAt === absent ? undefined : new Cursor(this.bytes, this.#propertiesAt),
    );
    return this.#properties;
  }

  get applicationProperties(): readonly Header[] {
    this.#applicationProperties ??=
      this.#applicationPropertiesAt === absent
        ? noHeaders
        : readApplicationProperties(new Cursor(this.bytes, this.#applicationPropertiesAt));
    return this.#applicationProperties;
  }

  get body(): MessageBody {
    if (this.#bodyAt === absent) return { kind: 'data', bytes: Buffer.alloc(0) };
    const cursor = new Cursor(this.bytes, this.#bodyAt, this.#bareTo);
    switch (this.#bodyCode) {
      case descriptor.data:
        return { kind: 'data', bytes: this.#sections(cursor, data) };
      case descriptor.sequence:
        return { kind: 'sequence', bytes: this.#sections(cursor, list) };
      default:
        return valueBody(cursor);
    }
  }

  #sections(cursor: Cursor, read: (cursor: Cursor) => Buffer): Buffer {
    if (this.#bodySections === 1) return read(cursor);
    const parts = [read(cursor)];
    for (let i = 1; i < this.#bodySections; i++) {
      cursor.descriptor();
      parts.push(read(cursor));
    }
    return Buffer.concat(parts);
  }

  #map(at: number): AmqpMap | undefined {
    if (at === absent) return undefined;
    const value = decodeValue(new Cursor(this.bytes, at));
    if (value === null) return undefined;
    if (!(value instanceof AmqpMap)) new Cursor(this.bytes, at).fail('annotations must be a map');
    return value as AmqpMap;
  }
}

const isBody = (section: number): boolean => section >= descriptor.data && section <= descriptor.value;

const data = (cursor: Cursor): Buffer => cursor.binaryOr(undefined) ?? cursor.fail('a data section is null');

function list(cursor: Cursor): Buffer {
  const from = cursor.pos;
  const format = cursor.u8();
  if (format !== code.list0 && format !== code.list8 && format !== code.list32)
    cursor.fail('an amqp-sequence section is not a list');
  cursor.skipBody(format);
  return cursor.buffer.subarray(from, cursor.pos);
}

function valueBody(cursor: Cursor): MessageBody {
  const from = cursor.pos;
  let kind: BodyType = 'value';
  switch (cursor.u8()) {
    case code.string8:
      kind = 'string';
      return { kind, bytes: cursor.bytes(cursor.u8()) };
    case code.string32:
      kind = 'string';
      return { kind, bytes: cursor.bytes(cursor.u32()) };
    case code.binary8:
      kind = 'binary';
      return { kind, bytes: cursor.bytes(cursor.u8()) };
    case code.binary32:
      kind = 'binary';
      return { kind, bytes: cursor.bytes(cursor.u32()) };
    default:
      cursor.pos = from;
      cursor.skip();
      return { kind, bytes: cursor.buffer.subarray(from, cursor.pos) };
  }
}
