import { protocolError, malformed } from './violation.ts';

/** Control packet types (MQTT 5 §2.1.2), as they stand in the upper half of the first byte. */
export const Type = {
  connect: 0x10,
  connack: 0x20,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x60,
  pubcomp: 0x70,
  subscribe: 0x80,
  suback: 0x90,
  unsubscribe: 0xa0,
  unsuback: 0xb0,
  pingreq: 0xc0,
  pingresp: 0xd0,
  disconnect: 0xe0,
  auth: 0xf0,
} as const;

/** MQTT 3.1, 3.1.1 and 5, by the level in CONNECT. */
export type Level = 3 | 4 | 5;

/**
 * Checks the first byte of a packet that a client sends once it is connected.
 * @throws Violation for a reserved type, reserved flags [MQTT-2.1.3-1], or a packet that only a server sends
 */
export function checkHead(head: number, level: Level): void {
  const flags = head & 0x0f;
  switch (head & 0xf0) {
    case Type.publish:
      if ((flags & 0x06) === 0x06) throw malformed('a PUBLISH with QoS 3'); // [MQTT-3.3.1-4]
      if ((flags & 0x0e) === 0x08) throw malformed('a PUBLISH of QoS 0 that is marked as a duplicate'); // [MQTT-3.3.1-2]
      return;
    case Type.pubrel:
    case Type.subscribe:
    case Type.unsubscribe:
      // MQTT 3.1 allows DUP here
      if (flags !== 0x02 && !(level === 3 && flags === 0x0a))
        throw malformed('reserved flags of a packet are set');
      return;
    case Type.connect:
      throw protocolError('a second CONNECT'); // [MQTT-3.1.0-2]
    case Type.puback:
    case Type.pubrec:
    case Type.pubcomp:
    case Type.pingreq:
    case Type.disconnect:
      if (flags !== 0) throw malformed('reserved flags of a packet are set');
      return;
    case Type.auth:
      if (level === 5) {
        if (flags !== 0) throw malformed('reserved flags of a packet are set');
        return;
      }
  }
  throw protocolError(`a packet of type ${head >> 4}, which a client does not send`);
}
