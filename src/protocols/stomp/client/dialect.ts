import { duplicateIdHeader } from '../../../client/duplicate-id.ts';
import type { AddressPattern } from '../../../core/address.ts';
import { JunctionError } from '../../../core/errors.ts';
import type { Pair } from '../frame.ts';
import type { StompClientConfig } from './config.ts';

/** What a NACK does with the message: it is put aside by the broker's rules, or it would be lost. */
export type Nack = 'dead-letter' | 'discard';

/** STOMP leaves to brokers what destinations and many headers mean: what we know of one. */
export interface Dialect {
  readonly name: 'RabbitMQ' | 'ActiveMQ' | 'Artemis' | 'other';
  /** The header of SEND that carries the message's id, which comes back in MESSAGE. */
  readonly idHeader: string;
  /** Whether `message-id` of MESSAGE stays the same when the message is delivered again. */
  readonly stableId: boolean;
  /** The wildcard for the rest of a destination. */
  readonly rest: string;
  readonly nack: Nack;
  /** Headers of NACK that keep the message from coming back at once. */
  readonly nackHeaders: readonly Pair[];
  /** Whether a name has a meaning to the broker, beside those of STOMP: application headers of such names are renamed. */
  readonly reserved: (name: string) => boolean;
  /** Whether the absence of `persistent` in MESSAGE means that the message is not. */
  readonly saysPersistent: boolean;
  /** Whether a MESSAGE without content-length was sent as text (JMS TextMessage). */
  readonly textWithoutLength: boolean;
}

const among = (...names: string[]): ((name: string) => boolean) => {
  const set = new Set(names);
  return (name) => set.has(name);
};

const rabbitMq: Dialect = {
  name: 'RabbitMQ',
  idHeader: 'amqp-message-id',
  stableId: false,
  rest: '#',
  nack: 'dead-letter',
  nackHeaders: [['requeue', 'false']],
  reserved: among(
    ...[
      'user-id',
      'app-id',
      'cluster-id',
      'expiration',
      'amqp-message-id',
      'requeue',
      'prefetch-count',
      'x-delivery-count',
    ],
    // of these SEND would make a queue with other properties
    ...['durable', 'auto-delete', 'exclusive', 'x-dead-letter-exchange', 'x-dead-letter-routing-key'],
    ...['x-expires', 'x-max-length', 'x-max-length-bytes', 'x-max-age', 'x-max-priority', 'x-message-ttl'],
    ...['x-queue-name', 'x-queue-type', 'x-stream-max-segment-size-bytes'],
  ),
  saysPersistent: true,
  textWithoutLength: false,
};

/** Carries the id where `message-id` is the broker's own. */
export const idHeader = 'junction-message-id';

/** Carries the group where the broker takes in JMSXGroupID and does not give it out again. */
export const groupHeader = 'junction-group-id';

/** Carries the timestamp where the broker puts its own in its place, or keeps only seconds. */
export const timestampHeader = 'junction-timestamp';

/** These are fields of a JMS message, whatever the header holds. */
const isJms = (name: string): boolean => name.startsWith('JMS');
const activeMqNames = among(
  ...['transformation', 'transformation-error', 'amq-msg-type', 'browser', 'original-destination'],
);

const activeMq: Dialect = {
  name: 'ActiveMQ',
  idHeader,
  stableId: true,
  rest: '>',
  nack: 'dead-letter',
  nackHeaders: [],
  reserved: (name) => isJms(name) || activeMqNames(name),
  saysPersistent: true,
  textWithoutLength: true,
};

const artemisNames = among('subscription-type', 'destination-type');
/** What Artemis adds for its own use; the identity by which it drops repeats is its senders'. */
const artemisOwn = (name: string): boolean =>
  (name.startsWith('_AMQ_') && name !== duplicateIdHeader) || name.startsWith('__');

const artemis: Dialect = {
  name: 'Artemis',
  idHeader,
  stableId: true,
  rest: '#',
  nack: 'discard',
  nackHeaders: [],
  reserved: (name) => isJms(name) || artemisNames(name) || artemisOwn(name),
  saysPersistent: false,
  textWithoutLength: true,
};

const other: Dialect = {
  name: 'other',
  idHeader: 'message-id',
  stableId: true,
  rest: '>',
  nack: 'dead-letter',
  nackHeaders: [],
  reserved: () => false,
  saysPersistent: false,
  textWithoutLength: false,
};

/** @param server the header of CONNECTED, `name/version` (STOMP 1.2 "CONNECTED") */
export function dialectOf(server: string | undefined): Dialect {
  if (server === undefined) return other;
  if (server.startsWith('RabbitMQ')) return rabbitMq;
  if (server.startsWith('ActiveMQ-Artemis') || server.startsWith('Artemis')) return artemis;
  return server.startsWith('ActiveMQ') ? activeMq : other;
}

/**
 * The destination to subscribe to for a route's pattern; captures and wildcards in the broker's words.
 * @throws JunctionError invalid-message where the broker would take a wildcard for a name
 */
export function destinationOf(pattern: AddressPattern, dialect: Dialect): string {
  const destination = pattern.segments
    .map((segment) =>
      segment.kind === 'literal'
        ? segment.text
        : `${segment.separator}${segment.kind === 'one' ? '*' : dialect.rest}`,
    )
    .join('');
  if (!pattern.literal && dialect.name === 'RabbitMQ' && !/^\/(topic|exchange)\//.test(destination))
    throw new JunctionError(
      'invalid-message',
      `RabbitMQ has no wildcards for queues, so ${pattern.text} cannot be read; name each queue in a route of its own`,
    );
  return destination;
}

const isTopic = (destination: string): boolean => /^(\/topic\/|topic:\/\/)/.test(destination);

/** Headers of SUBSCRIBE beside destination, id and ack. */
export function subscribeHeaders(
  dialect: Dialect,
  config: StompClientConfig,
  destination: string,
  id: string,
  clientId: string,
): Pair[] {
  const headers: Pair[] = [];
  const window = String(config.window);
  const durable = config.durable && isTopic(destination);
  if (config.selector !== undefined) headers.push(['selector', config.selector]);
  if (dialect.name === 'RabbitMQ' || dialect.name === 'other') headers.push(['prefetch-count', window]);
  if (dialect.name === 'ActiveMQ' || dialect.name === 'other')
    headers.push(['activemq.prefetchSize', window]);
  if (dialect.name === 'Artemis') {
    headers.push(['consumer-window-size', String(config.prefetch_size)]);
    const type = routingType(destination);
    if (type !== undefined) headers.push(['subscription-type', type]);
  }
  if (durable && dialect.name === 'RabbitMQ') headers.push(['durable', 'true'], ['auto-delete', 'false']);
  if (durable && dialect.name === 'ActiveMQ') headers.push(['activemq.subscriptionName', id]);
  if (durable && dialect.name === 'Artemis')
    headers.push(['client-id', clientId], ['durable-subscription-name', id]);
  return [...headers, ...Object.entries(config.headers)];
}

/** What an address of Artemis is made as at its first use; undefined where it is left to the broker. */
export function routingType(destination: string): 'ANYCAST' | 'MULTICAST' | undefined {
  if (isTopic(destination)) return 'MULTICAST';
  return /^(\/queue\/|queue:\/\/)/.test(destination) ? 'ANYCAST' : undefined;
}
