import { spoolDefaults, type DeliverySettings } from '../routing/route/delivery-schema.ts';
import { retryPolicy, type RetryPolicy } from '../routing/route/retry.ts';
import type { DeadLetterTarget, SpoolSettings } from '../routing/route/route.ts';
import type { RouteEntry } from '../routing/route/schema.ts';
import type { TargetEntry } from '../routing/route/target-schema.ts';
import type { RoleName } from './endpoints.ts';

export interface RouteDelivery {
  readonly deadLetter: DeadLetterTarget | undefined;
  readonly spool: SpoolSettings | undefined;
  /** When a message is sent again, for each target in order. */
  readonly policies: readonly (RetryPolicy | undefined)[];
}

/**
 * What a route does with messages that do not come through: its own settings, then its file's `defaults`, then ours.
 * @param targets its targets, and whether there is another one to try after each
 * @param role of the endpoint that it reads from, as far as it is known
 */
export function deliveryOf(
  route: RouteEntry,
  targets: readonly { readonly entry: Pick<TargetEntry, 'retry'>; readonly hasNext: boolean }[],
  defaults: DeliverySettings | undefined,
  role: RoleName | undefined,
): RouteDelivery {
  const spool = spoolOf(route.spool ?? defaults?.spool);
  // Who publishes to a listener is told of a failure; nobody is there to be told of what came from a broker.
  const usual = spool !== undefined || role === 'client' ? 'store' : false;
  const deadLetter = route.dead_letter ?? defaults?.dead_letter ?? usual;
  return {
    deadLetter: typeof deadLetter === 'object' ? placeOf(deadLetter) : deadLetter || undefined,
    spool,
    policies: targets.map(({ entry: { retry }, hasNext }) =>
      retryPolicy(
        hasNext ? [false, retry] : [defaults?.retry, route.retry, retry],
        spool !== undefined && !hasNext,
      ),
    ),
  };
}

const placeOf = ({ endpoint, address }: Exclude<DeadLetterTarget, 'store'>): DeadLetterTarget => ({
  endpoint,
  address,
});

function spoolOf(written: DeliverySettings['spool']): SpoolSettings | undefined {
  if (written === undefined || written === false) return undefined;
  const { max_bytes, max_messages, max_age, full } = written === true ? spoolDefaults : written;
  return { maxBytes: max_bytes, maxMessages: max_messages, maxAge: max_age, full };
}
