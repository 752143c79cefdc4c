import type { AddressPattern, AddressSyntax } from '../../core/address.ts';

/** Where a message is published to. */
export interface Target {
  /** '' is the default exchange, which hands a message to the queue that the routing key names. */
  readonly exchange: string;
  readonly routingKey: string;
}

export const queuePrefix = '/queues/';
const exchangePrefix = '/exchanges/';

/**
 * RabbitMQ's addresses as its users write them since RabbitMQ 4, without percent-encoding, so that data put in by a
 * capture stays data: `/exchanges/NAME/ROUTING KEY`, `/exchanges/NAME` (an empty routing key, for fanout and headers
 * exchanges), `/queues/NAME`, and a bare `NAME` that does not begin with `/`, which is a queue too. Routes read from
 * queues only, named in full.
 */
export const rabbitAddress: AddressSyntax = {
  separators: './',
  one: [],
  rest: [],
  maxBytes: exchangePrefix.length + 255 + 1 + 255,
  invalid(address) {
    if (typeof parseTarget(address) === 'string') return parseTarget(address) as string;
    return undefined;
  },
  canonical(written) {
    // a wildcard for all there is, as policies have it, is more than queues
    return written.startsWith('/') || written === '#' ? written : queuePrefix + written;
  },
  unreadable(pattern) {
    return queueOf(pattern) === undefined
      ? 'routes read from a queue of RabbitMQ, named in full; bind the queue to the exchange to receive what is published there'
      : undefined;
  },
};

/** What an address means; a text says why it means nothing. */
export function parseTarget(address: string): Target | string {
  if (!address.startsWith('/')) return checked('', address);
  if (address.startsWith(queuePrefix)) return checked('', address.slice(queuePrefix.length));
  if (!address.startsWith(exchangePrefix))
    return 'write a queue, /queues/NAME, /exchanges/NAME/ROUTING-KEY or /exchanges/NAME';
  const slash = address.indexOf('/', exchangePrefix.length);
  const exchange = address.slice(exchangePrefix.length, slash < 0 ? undefined : slash);
  if (exchange === '') return 'the exchange has no name; to send to a queue write /queues/NAME';
  return checked(exchange, slash < 0 ? '' : address.slice(slash + 1));
}

function checked(exchange: string, routingKey: string): Target | string {
  if (exchange === '' && routingKey === '') return 'the queue has no name';
  if (isLong(exchange)) return 'the name of an exchange has at most 255 bytes';
  if (isLong(routingKey)) return 'a routing key, or the name of a queue, has at most 255 bytes';
  return { exchange, routingKey };
}

const isLong = (text: string): boolean => text.length > 85 && Buffer.byteLength(text) > 255;

/** The queue that a route reads; undefined where the pattern names none. */
export function queueOf(pattern: AddressPattern): string | undefined {
  if (!pattern.literal) return undefined;
  const target = parseTarget(pattern.text);
  return typeof target === 'object' && target.exchange === '' ? target.routingKey : undefined;
}

/** Queues that the broker has named for a client, and its pseudo-queues of direct reply-to. */
export const isTemporary = (address: string): boolean =>
  /^(\/queues\/)?amq\.(gen-.|rabbitmq\.reply-to\..)/.test(address);
