import type { DurableTerms } from '../../broker/durable-subscription.ts';
import type { AddressKind } from '../../broker/exchange.ts';
import { invalidAddress } from '../../core/template.ts';
import { amqpAddress, hasWildcards } from './address.ts';
import { AmqpMap, Described, symbol, Typed } from './codec/types.ts';
import type { AmqpError, Terminus } from './engine/api.ts';
import { condition } from './errors.ts';
import { filterFor } from './filters.ts';
import type { Nodes } from './nodes.ts';

/** Where a link leads, or why it may not. */
export type Resolved =
  { readonly address: string; readonly kind: AddressKind } | { readonly refusal: AmqpError };

const refuse = (name: string, description: string): { refusal: AmqpError } => ({
  refusal: { condition: name, description },
});

const isShared = (terminus: Terminus): boolean => terminus.capabilities.includes('shared');

/** What a terminus' capabilities ask for; the words are those of the AMQP mapping of JMS. */
function wantedKind(terminus: Terminus): AddressKind | 'both' | undefined {
  const { capabilities } = terminus;
  const topic = capabilities.includes('topic') || capabilities.includes('temporary-topic');
  const queue = capabilities.includes('queue') || capabilities.includes('temporary-queue');
  if (topic && queue) return 'both';
  // Only topics have shared subscriptions; the consumers of a queue share it as it is.
  return topic || (isShared(terminus) && !queue) ? 'topic' : queue ? 'queue' : undefined;
}

/** The kind of node that a dynamic terminus (§3.5.3) asks for. */
export const dynamicKind = (terminus: Terminus): AddressKind =>
  wantedKind(terminus) === 'topic' ? 'topic' : 'queue';

/** The kind of an address, by configuration and by what the link asks for. */
function resolve(address: string, terminus: Terminus, nodes: Nodes): Resolved {
  const wanted = wantedKind(terminus);
  if (wanted === 'both') return refuse(condition.invalidField, `${address} cannot be a queue and a topic`);
  const temporary = nodes.temporary(address);
  const fixed = temporary?.kind ?? (nodes.isDeclaredTopic(address) ? 'topic' : undefined);
  if (fixed !== undefined && wanted !== undefined && wanted !== fixed)
    return refuse(
      condition.notAllowed,
      `${address} is a ${fixed}${temporary ? '' : ' by configuration'}, but the link asks for a ${wanted}`,
    );
  if (nodes.isGone(address)) return refuse(condition.notFound, `${address} does not exist any more`);
  return { address, kind: fixed ?? wanted ?? 'queue' };
}

/** Where a peer's sender leads; not for dynamic and anonymous targets. */
export function resolveTarget(address: string, target: Terminus, nodes: Nodes): Resolved {
  const invalid = invalidAddress(address, amqpAddress);
  if (invalid !== undefined) return refuse(condition.invalidField, `${address}: ${invalid}`);
  return resolve(address, target, nodes);
}

/** Where a peer's receiver leads; not for dynamic sources, but these pass `unsupported` too. */
export function resolveSource(address: string, source: Terminus, nodes: Nodes, owner: object): Resolved {
  if (hasWildcards(address)) {
    if (wantedKind(source) === 'queue' || wantedKind(source) === 'both')
      return refuse(condition.invalidField, `${address} has wildcards, which only topics have`);
    return { address, kind: 'topic' };
  }
  const invalid = invalidAddress(address, amqpAddress);
  if (invalid !== undefined) return refuse(condition.invalidField, `${address}: ${invalid}`);
  const temporary = nodes.temporary(address);
  if (temporary && temporary.owner !== owner)
    return refuse(condition.unauthorized, `only the connection that made ${address} may receive from it`);
  return resolve(address, source, nodes);
}

/**
 * The shared subscription that a receiving link asks for, as Qpid JMS does: its source has the capability `shared`; the
 * subscription is named by the link's name up to a `|` (the rest tells the links of a session apart) and belongs to the
 * container, or with the capability `global` to everybody.
 */
export function shareOf(linkName: string, source: Terminus, containerId: string): string | undefined {
  return isShared(source) ? subscriptionName(linkName, source, containerId) : undefined;
}

/** A link that names no source (a JMS client that ends its subscription) says `global` behind the `|`. */
function subscriptionName(linkName: string, source: Terminus | undefined, containerId: string): string {
  const [name, rest = ''] = linkName.split('|', 2);
  const global = source ? source.capabilities.includes('global') : rest.startsWith('global');
  return JSON.stringify(global ? [name] : [name, containerId]);
}

/** Whether the subscription is to outlive its link: §3.5.6, or what the link leaves unsettled. */
const isDurable = ({ durable, expiryPolicy }: Terminus): boolean =>
  durable !== 'none' || expiryPolicy === 'never';

/**
 * The durable subscription that a receiving link asks for: its name is made as that of a shared one.
 * @param source undefined: the link looks for one that is there
 */
export function durableOf(
  linkName: string,
  source: Terminus | undefined,
  containerId: string,
): { readonly name: string; readonly shared: boolean } | undefined {
  if (source && !isDurable(source)) return undefined;
  return {
    name: subscriptionName(linkName, source, containerId),
    shared: source !== undefined && isShared(source),
  };
}

/** What our attach says of a durable subscription; of its filters only where the link does not name them. */
export const durableTerminus = ({ address, shared, selector }: DurableTerms): Partial<Terminus> => ({
  address,
  durable: 'unsettled-state',
  expiryPolicy: 'never',
  timeout: 0,
  capabilities: shared ? ['topic', 'shared'] : ['topic'],
  filter: selector === undefined ? undefined : filterFor('jms-selector', selector),
});

/** The answer to a link without a source: a client that looks for its durable subscription, e.g. to end it. */
export const noSubscription = (linkName: string): AmqpError => ({
  condition: condition.notFound,
  description: `there is no durable subscription ${linkName.split('|', 1)[0]!}, and the link names no source`,
});

/**
 * What a source asks for that we do not have; refused rather than quietly ignored.
 * @param stored whether this listener stores anything
 */
export function unsupported(source: Terminus, stored: boolean): AmqpError | undefined {
  if (isDurable(source) && !stored)
    return {
      condition: condition.notImplemented,
      description:
        'durable subscriptions are not supported here, for nothing is stored: set `durable: true` on this listener, or use one that ends with its link, shared or not (durable none, expiry-policy link-detach)',
    };
  // Qpid JMS asks for copies with a durable subscription, which every subscription to a topic gives.
  if (source.distributionMode === 'copy' && !isDurable(source))
    return {
      condition: condition.notImplemented,
      description: 'browsing (distribution mode copy) is not supported',
    };
  if (isShared(source) && wantedKind(source) !== 'topic')
    return {
      condition: condition.invalidField,
      description: 'only topics have shared subscriptions; a queue is shared by its consumers anyway',
    };
  return undefined;
}

const deleteOnClose = new AmqpMap([
  [symbol('lifetime-policy'), new Described(new Typed('ulong', 0x2bn), [])], // §3.5.10
]);

/** What our attach says of a temporary node: its address, and that it ends with the link. */
export const temporaryTerminus = (address: string): Partial<Terminus> => ({
  ...plainTerminus,
  address,
  dynamic: true,
  dynamicNodeProperties: deleteOnClose,
});

/** What our attach says of every terminus: nothing outlives the link. */
export const plainTerminus: Partial<Terminus> = {
  durable: 'none',
  expiryPolicy: 'link-detach',
  timeout: 0,
};
