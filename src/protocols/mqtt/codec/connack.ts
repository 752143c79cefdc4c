import type { Cursor } from './cursor.ts';
import type { Level } from './packet-types.ts';
import { longestFor, Property, readProperties, type Properties } from './properties.ts';

const connackProperties: ReadonlySet<number> = new Set([
  Property.sessionExpiry,
  Property.receiveMaximum,
  Property.maximumQoS,
  Property.retainAvailable,
  Property.maximumPacketSize,
  Property.assignedClientId,
  Property.topicAliasMaximum,
  Property.reasonString,
  Property.user,
  Property.wildcardAvailable,
  Property.subscriptionIdentifierAvailable,
  Property.sharedAvailable,
  Property.serverKeepAlive,
  Property.responseInformation,
  Property.serverReference,
  Property.authenticationMethod,
  Property.authenticationData,
]);

/** What a broker allows us (MQTT 5 §3.2.2.3), with the defaults of what it does not say. */
export interface Connack {
  /** Return or reason code, 0 for success. */
  readonly code: number;
  /** The broker still has our session. */
  readonly sessionPresent: boolean;
  readonly receiveMaximum: number;
  readonly maximumQoS: number;
  readonly retainAvailable: boolean;
  readonly maximumPacketSize: number;
}

/** @throws Violation */
export function readConnack(cursor: Cursor, level: Level): Connack {
  const sessionPresent = (cursor.u8() & 1) === 1;
  const code = cursor.u8();
  const properties: Properties | undefined =
    level === 5 && cursor.left > 0 ? readProperties(cursor, connackProperties) : undefined;
  return {
    code,
    sessionPresent,
    receiveMaximum: properties?.number(Property.receiveMaximum) ?? 65_535,
    maximumQoS: properties?.number(Property.maximumQoS) ?? 2,
    retainAvailable: properties?.number(Property.retainAvailable) !== 0,
    maximumPacketSize: longestFor(properties),
  };
}
