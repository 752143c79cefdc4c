import type { Wire } from '../../core/protocol.ts';
import { Outbound, fromMessage } from './client/mapping.ts';
import { dialectOf } from './client/dialect.ts';
import { clientCommands, headerLine, type Frame, type Version } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { MessageEncoder } from './frame-writer.ts';
import { toEnvelope } from './mapping.ts';
import { StompSubscription } from './subscription.ts';

/** What a client does not send back of a MESSAGE that it publishes again. */
const ofTheDelivery: ReadonlySet<string> = new Set(['subscription', 'ack', 'redelivered']);
/** The id that a MESSAGE gets which has none of its own. */
const ourId = 'of-the-gateway';

/** The MESSAGE to a subscriber of a version; it arrives as that sends it back. */
export const stompListenerWire =
  (version: Version): Wire =>
  (message, address) => {
    const encoder = new MessageEncoder(() => undefined);
    let head = '';
    const subscription = new StompSubscription(
      {
        number: 1,
        id: '1',
        destination: address,
        alias: undefined,
        mode: 'auto',
        prefetch: 1,
        selection: undefined,
      },
      {
        name: 'wire form',
        version,
        congested: false,
        newMessageId: () => ourId,
        sendMessage: (start, delivery, alias) =>
          void (head = start + encoder.lines(delivery.envelope, version, alias)),
        overflow: () => undefined,
        dismissed: () => undefined,
      },
    );
    const { deliveryCount } = message;
    subscription.deliver({ envelope: { ...message, address }, deliveryCount, settle: () => undefined });
    const bytes = frameBytes(head, message.body ?? new Uint8Array());
    const frame = read(bytes, version);
    const own = ([name, value]: readonly [string, string]): boolean =>
      !ofTheDelivery.has(name) && !(name === 'message-id' && value === ourId);
    return {
      frame: { kind: `MESSAGE (STOMP ${version})`, fields: frame.headers, body: frame.body, bytes },
      arrives: toEnvelope(frame.headers.filter(own), frame.body),
    };
  };

/**
 * The SEND to a broker, which is known by the `server` header of its CONNECTED; it arrives as that hands it on, with an id and a
 * time of its own where its sender gave none.
 */
export const stompClientWire =
  (server: string | undefined, version: Version): Wire =>
  (message, address, now) => {
    const dialect = dialectOf(server);
    const outbound = new Outbound(message, address);
    const lines = outbound
      .headers(dialect, version, now)
      .map(([name, value]) => headerLine(name, value, version));
    const length = outbound.withoutLength(dialect) ? '' : `content-length:${outbound.body.length}\n`;
    const bytes = frameBytes(`SEND\n${lines.join('')}${length}\n`, outbound.body);
    const sent = read(bytes, version);
    const given = sent.headers.filter(([name]) => name !== 'content-length');
    // ActiveMQ Classic keeps no order.
    if (server?.startsWith('ActiveMQ/')) given.sort(([a], [b]) => (a < b ? -1 : 1));
    const asText = sent.get('amq-msg-type') === 'text' || length === '';
    const handedOn = [
      'MESSAGE\n',
      ...(sent.get('message-id') === undefined ? ['message-id:of-the-broker\n'] : []),
      ...(sent.get('timestamp') === undefined ? [`timestamp:${now}\n`] : []),
      ...given.map(([name, value]) => headerLine(name, value, version)),
      asText ? '\n' : `content-length:${outbound.body.length}\n\n`,
    ].join('');
    const handed = read(frameBytes(handedOn, sent.body), version);
    return {
      frame: { kind: `SEND (STOMP ${version})`, fields: sent.headers, body: sent.body, bytes },
      arrives: fromMessage(handed, dialect, address, now),
    };
  };

const frameBytes = (head: string, body: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(head), body, Buffer.of(0)]);

function read(bytes: Buffer, version: Version): Frame {
  const reader = new FrameReader(
    { maxHead: bytes.length, maxHeaders: bytes.length, maxBody: bytes.length },
    new Map([...clientCommands, ['MESSAGE', true]]),
  );
  reader.version = version;
  reader.push(bytes);
  return reader.next()!;
}
