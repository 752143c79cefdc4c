import { splitAddress, type AddressSyntax } from '../../core/address.ts';
import type { AddressKind } from '../../broker/exchange.ts';

/**
 * STOMP leaves destinations to the server. Ours: `/topic/…` is a topic, everything else (`/queue/…`, `/amq/queue/x`,
 * bare names) a queue. Segments are divided by "." or "/"; in a subscription to a topic `*` takes one segment, `>`
 * and `#` take the rest.
 */
export const stompAddress: AddressSyntax = {
  separators: './',
  one: ['*'],
  rest: ['>', '#'],
  maxBytes: 8192,
  invalid(address) {
    if (!/[*>#]/.test(address)) return undefined;
    const wild = splitAddress(address, './').find((part) => /^[./]?[*>#]$/.test(part));
    return wild === undefined
      ? undefined
      : `"${wild.slice(-1)}" is a wildcard, which only a subscription may hold`;
  },
};

export const kindOf = (address: string): AddressKind => (address.startsWith('/topic/') ? 'topic' : 'queue');

const ownPrefix = '/temp-queue/';
const replyPrefix = '/reply-queue/';

/** Whether it is what a client calls a temporary queue of its own: `/temp-queue/NAME`. */
export const isOwnTemporary = (address: string): boolean => address.startsWith(ownPrefix);

/** Whether it is what everyone else calls a temporary queue. */
export const isReplyQueue = (address: string): boolean => address.startsWith(replyPrefix);

/** What everyone else calls a connection's `/temp-queue/NAME`. */
export const replyQueueOf = (own: string, session: string): string =>
  `${replyPrefix}${session}/${own.slice(ownPrefix.length)}`;

/** How brokers name temporary queues of other clients: RabbitMQ `/reply-queue/…`, ActiveMQ `/remote-temp-queue/…`. */
export const isBrokerTemporary = (address: string): boolean =>
  /^\/(reply-queue|remote-temp-(queue|topic))\/./.test(address);
