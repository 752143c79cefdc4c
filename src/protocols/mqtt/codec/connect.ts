import type { Cursor } from './cursor.ts';
import type { MqttMessage, QoS } from './message.ts';
import { Type, type Level } from './packet-types.ts';
import { longestFor, Properties, Property, readProperties } from './properties.ts';
import { readMessageProperties, willProperties } from './publish.ts';
import { Reason } from './reasons.ts';
import { checkTopicName } from './topics.ts';
import { malformed, protocolError, Violation } from './violation.ts';

/** What a CONNECT asks for (MQTT 5 §3.1). */
export interface Connect {
  readonly level: Level;
  readonly clientId: string;
  readonly cleanStart: boolean;
  /** In seconds; 0 is none. */
  readonly keepAlive: number;
  /** Where in the packet's bytes the keep-alive stands. */
  readonly keepAliveAt: number;
  readonly will: MqttMessage | undefined;
  /** Session Expiry Interval in seconds. */
  readonly sessionExpiry: number;
  /** Unacknowledged QoS 1 and 2 messages that the client takes at a time. */
  readonly receiveMaximum: number;
  /** The largest packet that the client takes. */
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  /** Whether it wants reason strings on packets other than CONNACK and DISCONNECT [MQTT-3.1.2-29]. */
  readonly problemInformation: boolean;
}

const connectProperties: ReadonlySet<number> = new Set([
  Property.sessionExpiry,
  Property.receiveMaximum,
  Property.maximumPacketSize,
  Property.topicAliasMaximum,
  Property.requestResponseInformation,
  Property.requestProblemInformation,
  Property.user,
  Property.authenticationMethod,
  Property.authenticationData,
]);

/**
 * The protocol level of a CONNECT whose body begins at `start`, so that a refusal can be written in its terms.
 * @throws Violation where it is not MQTT, or a version that we do not know
 */
export function connectLevel(cursor: Cursor): Level {
  const protocol = cursor.binary().toString('latin1');
  if (protocol !== 'MQTT' && protocol !== 'MQIsdp') throw malformed('this is not MQTT'); // [MQTT-3.1.2-1]
  const level = cursor.u8();
  if (protocol === 'MQIsdp' ? level === 3 : level === 4 || level === 5) return level as Level;
  throw new Violation(Reason.unsupportedVersion, `unknown protocol level ${level} of ${protocol}`, 1); // [MQTT-3.1.2-2]
}

/**
 * Reads the rest of a CONNECT.
 * @param cursor stands after the level
 * @param head the first byte of the packet
 * @throws Violation
 */
export function readConnect(cursor: Cursor, level: Level, head: number): Connect {
  const flags = cursor.u8();
  // MQTT 3.1 leaves both unused rather than reserved
  if (level > 3 && head !== Type.connect) throw malformed('reserved flags of a packet are set'); // [MQTT-2.1.3-1]
  if (level > 3 && flags & 0x01) throw malformed('the reserved flag of CONNECT is set'); // [MQTT-3.1.2-3]
  const hasWill = (flags & 0x04) !== 0;
  const willQoS = (flags >> 3) & 0x03;
  if (willQoS === 3) throw malformed('a will with QoS 3'); // [MQTT-3.1.2-12]
  if (!hasWill && flags & 0x38) throw malformed('will flags without a will'); // [MQTT-3.1.2-11, -13]
  const hasName = (flags & 0x80) !== 0;
  const hasPassword = (flags & 0x40) !== 0;
  if (hasPassword && !hasName && level < 5) throw malformed('a password without a user name'); // [MQTT-3.1.2-22] of 3.1.1
  const keepAliveAt = cursor.at;
  const keepAlive = cursor.u16();
  const properties = level === 5 ? readProperties(cursor, connectProperties) : new Properties();
  checkAuthentication(properties);
  const cleanStart = (flags & 0x02) !== 0;
  const clientId = readClientId(cursor, level, cleanStart);
  const will = hasWill ? readWill(cursor, level, willQoS as QoS, (flags & 0x20) !== 0) : undefined;
  if (hasName) cursor.name();
  if (hasPassword) cursor.binary();
  cursor.finish();
  return {
    level,
    clientId,
    cleanStart,
    keepAlive,
    keepAliveAt,
    will,
    sessionExpiry:
      level === 5 ? (properties.number(Property.sessionExpiry) ?? 0) : cleanStart ? 0 : 0xffff_ffff,
    receiveMaximum: properties.number(Property.receiveMaximum) ?? 65_535,
    maximumPacketSize: longestFor(properties),
    topicAliasMaximum: properties.number(Property.topicAliasMaximum) ?? 0,
    problemInformation: properties.number(Property.requestProblemInformation) !== 0,
  };
}

function checkAuthentication(properties: Properties): void {
  if (properties.has(Property.authenticationMethod))
    throw new Violation(Reason.badAuthenticationMethod, 'enhanced authentication is not supported'); // MQTT 5 §4.12
  if (properties.has(Property.authenticationData))
    throw protocolError('authentication data without a method'); // MQTT 5 §3.1.2.11.10
}

function readClientId(cursor: Cursor, level: Level, cleanStart: boolean): string {
  const from = cursor.at;
  let clientId;
  try {
    clientId = cursor.name();
  } catch (error) {
    // The string itself was there: what is wrong is what it holds [MQTT-3.1.3-4].
    if (cursor.at > from + 2) throw new Violation(Reason.clientIdInvalid, (error as Error).message);
    throw error;
  }
  if (clientId === '' && (level === 3 || (level === 4 && !cleanStart)))
    throw new Violation(Reason.clientIdInvalid, 'a client id is needed', 2); // [MQTT-3.1.3-8] of 3.1.1
  return clientId;
}

function readWill(cursor: Cursor, level: Level, qos: QoS, retain: boolean): MqttMessage {
  const properties = level === 5 ? readProperties(cursor, willProperties) : undefined;
  const topic = cursor.name();
  checkTopicName(topic);
  const payload = Buffer.from(cursor.binary());
  return {
    topic,
    payload,
    qos,
    retain,
    dup: false,
    properties: properties && readMessageProperties(properties),
  };
}
