import type { Path } from './path.ts';
import type { Fault, Plan } from './plan.ts';

/** Messages that a spool has handed over and not yet removed, at most (src/routing/spool/spool-drain.ts). */
const spoolWindow = 1000;

/**
 * How many messages may arrive twice. What a client has sent again, since it was not told what became of it, may; and
 * for each fault what was under way then between the one that holds the message and its target: in a spooled route the
 * spool's window, else what the clients have unacknowledged, or what was read from the broker and not settled.
 */
export function duplicatesAllowed(path: Path, plan: Plan, resent: number, total: number): number {
  const { route, targets, keys, window, faults } = plan;
  const fromClients = Math.min(total, keys * window);
  const held =
    route['spool'] !== undefined ? spoolWindow : path.source === 'broker' ? path.window : fromClients;
  const underWay = Math.min(total, held);
  const each = (fault: Fault): number => {
    if (path.recognises && leavesGateway(fault)) return 0;
    switch (fault.kind) {
      case 'clock':
        return 0;
      case 'line':
        return fault.side === 'client' && path.source === 'listener' ? 0 : underWay;
      case 'broker ends':
        return path.forgets ? total : underWay;
      default:
        return underWay;
    }
  };
  // One message closes the channel; then the limit is known, until there is another connection.
  const poisoned = path.poison === 'again' && plan.poison > 0 ? (1 + faults.length) * underWay : 0;
  return targets * (resent + poisoned + faults.reduce((sum, fault) => sum + each(fault), 0));
}

/** Whether a fault lets the gateway live on. */
const leavesGateway = ({ kind }: Fault): boolean =>
  ['gateway stands still', 'broker stands still', 'broker ends', 'line', 'clock'].includes(kind);
