import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Plan } from './table.ts';
import type { Target } from '../targets/target.ts';

/** A message that has passed this many routes, here and in other gateways, is going round in a circle. */
const maxHops = 8;

/** The message as it leaves the routes of its plan. */
export function onwardOf(message: Envelope, plan: Plan): Envelope {
  const via = message.via.length === 0 ? plan.routes : [...message.via, ...plan.routes];
  return { ...message, hops: message.hops + 1, via };
}

/** The message as its route understood it, with the ordering key that the target gives it. */
export function keyed(onward: Envelope, target: Target): Envelope {
  const { decoded } = target;
  const envelope = decoded ? { ...decoded, hops: onward.hops, via: onward.via } : onward;
  const key = target.keyOf?.(envelope);
  return key === undefined ? envelope : { ...envelope, key };
}

/** Why a message goes no further although its routes would take it; undefined where it does. */
export function whyFutile(envelope: Envelope, plan: Plan): JunctionError | undefined {
  if (
    envelope.hops >= maxHops ||
    (envelope.via.length > 0 && plan.routes.every((route) => envelope.via.includes(route)))
  )
    return new JunctionError(
      'loop',
      `a message has come back to where it was (${envelope.hops} routes) and ends here; look for routes that feed each other`,
    );
  if (envelope.expiresAt !== undefined && envelope.expiresAt <= Date.now())
    return new JunctionError('expired', 'a message expired before it could be delivered, and ends here');
  return undefined;
}

/** What is told of a message that waited for a route which does not take it any more. */
export const notRead = (route: string, { address }: Envelope): JunctionError =>
  new JunctionError(
    'no-route',
    `there is no route "${route}" any more that takes ${address} to this target; put the route back, or drop the message`,
  );
