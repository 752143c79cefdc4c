import type { AddressKind } from '../../broker/exchange.ts';
import type { Envelope } from '../../core/envelope.ts';
import { accepted, type Outcome } from '../../core/outcome.ts';
import type { ListenerContext } from './context.ts';

/**
 * Gives a message to the exchange. One for a temporary queue counts as accepted once it is in the queue, which ends
 * with its owner anyway. If its sender had to wait for the owner to settle it, request and reply would wait for each
 * other: a JMS client cannot take the reply before its request is settled, and the server settles the request only
 * when its reply is. (Test: the JMS client's request and reply.)
 * @param publisher the container of the client, for those who want nothing of their own
 */
export function publish(
  { exchange, nodes }: Pick<ListenerContext, 'exchange' | 'nodes'>,
  envelope: Envelope,
  kind: AddressKind,
  by: 'client' | 'route',
  publisher?: string,
): Promise<Outcome> {
  const outcome = exchange.publish(envelope, kind, by, publisher);
  if (kind === 'topic' || !nodes.temporary(envelope.address)) return outcome;
  // What is refused, for the queue is full, has resolved already and so comes first.
  return Promise.race([outcome, Promise.resolve(accepted)]);
}
