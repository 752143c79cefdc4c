import type { Cursor } from './cursor.ts';
import { malformed, protocolError } from './violation.ts';

/** Identifiers of MQTT 5 properties (MQTT 5 §2.2.2.2). */
export const Property = {
  payloadFormat: 0x01,
  messageExpiry: 0x02,
  contentType: 0x03,
  responseTopic: 0x08,
  correlationData: 0x09,
  subscriptionIdentifier: 0x0b,
  sessionExpiry: 0x11,
  assignedClientId: 0x12,
  serverKeepAlive: 0x13,
  authenticationMethod: 0x15,
  authenticationData: 0x16,
  requestProblemInformation: 0x17,
  willDelay: 0x18,
  requestResponseInformation: 0x19,
  responseInformation: 0x1a,
  serverReference: 0x1c,
  reasonString: 0x1f,
  receiveMaximum: 0x21,
  topicAliasMaximum: 0x22,
  topicAlias: 0x23,
  maximumQoS: 0x24,
  retainAvailable: 0x25,
  user: 0x26,
  maximumPacketSize: 0x27,
  wildcardAvailable: 0x28,
  subscriptionIdentifierAvailable: 0x29,
  sharedAvailable: 0x2a,
} as const;

type Kind = 'flag' | 'u16' | 'u32' | 'varint' | 'text' | 'binary' | 'pair';

const kinds: (Kind | undefined)[] = [];
const kindsOf = (kind: Kind, ...ids: number[]): void => ids.forEach((id) => (kinds[id] = kind));
kindsOf('flag', 0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2a);
kindsOf('u16', 0x13, 0x21, 0x22, 0x23);
kindsOf('u32', 0x02, 0x11, 0x18, 0x27);
kindsOf('varint', 0x0b);
kindsOf('text', 0x03, 0x08, 0x12, 0x15, 0x1a, 0x1c, 0x1f);
kindsOf('binary', 0x09, 0x16);
kindsOf('pair', 0x26);

/** Properties where 0 is a Protocol Error: [MQTT-3.1.2.11.3], .11.4, [MQTT-3.3.2-8], [MQTT-3.8.2.1.2]. */
const neverZero: ReadonlySet<number> = new Set([
  Property.receiveMaximum,
  Property.maximumPacketSize,
  Property.topicAlias,
  Property.subscriptionIdentifier,
]);

/** The properties of one packet. The kind of each value is that of its property; user properties are apart. */
export class Properties {
  readonly user: [string, string][] = [];
  readonly #values = new Map<number, number | string | Buffer>();

  has(id: number): boolean {
    return this.#values.has(id);
  }

  number(id: number): number | undefined {
    return this.#values.get(id) as number | undefined;
  }

  text(id: number): string | undefined {
    return this.#values.get(id) as string | undefined;
  }

  binary(id: number): Buffer | undefined {
    return this.#values.get(id) as Buffer | undefined;
  }

  set(id: number, value: number | string | Buffer): void {
    this.#values.set(id, value);
  }
}

/**
 * Reads the property length and the properties.
 * @throws Violation malformed for what cannot be read, protocol error for a property that may not be here, may not
 * be twice, or has a value that it may not have
 */
export function readProperties(cursor: Cursor, allowed: ReadonlySet<number>): Properties {
  const length = cursor.varint();
  if (length > cursor.left) throw malformed('the properties are longer than the packet');
  const end = cursor.at + length;
  const properties = new Properties();
  while (cursor.at < end) {
    const id = cursor.varint();
    const kind = kinds[id];
    if (kind === undefined) throw malformed(`there is no property 0x${id.toString(16)}`);
    if (kind === 'pair') {
      const name = cursor.text();
      properties.user.push([name, cursor.text()]);
    } else {
      const value = read(cursor, kind);
      if (properties.has(id)) throw protocolError(`the property 0x${id.toString(16)} is there twice`);
      if (kind === 'flag' && (value as number) > 1)
        throw protocolError(`the property 0x${id.toString(16)} must be 0 or 1`);
      if (value === 0 && neverZero.has(id))
        throw protocolError(`the property 0x${id.toString(16)} must not be 0`);
      properties.set(id, value);
    }
    if (cursor.at > end) throw malformed('a property is longer than the properties');
    if (!allowed.has(id)) throw protocolError(`the property 0x${id.toString(16)} is not for this packet`);
  }
  return properties;
}

/** The longest packet that there can be, in bytes: its head, and the largest Remaining Length (MQTT 5 §2.1.4). */
const longestPacket = 1 + 4 + 268_435_455;

/** The longest packet that a peer takes (MQTT 5 §3.1.2.11.4, §3.2.2.3.6), bytes. */
export const longestFor = (properties: Properties | undefined): number =>
  Math.min(properties?.number(Property.maximumPacketSize) ?? Infinity, longestPacket);

function read(cursor: Cursor, kind: Exclude<Kind, 'pair'>): number | string | Buffer {
  switch (kind) {
    case 'flag':
      return cursor.u8();
    case 'u16':
      return cursor.u16();
    case 'u32':
      return cursor.u32();
    case 'varint':
      return cursor.varint();
    case 'text':
      return cursor.text();
    case 'binary':
      return cursor.binary();
  }
}
