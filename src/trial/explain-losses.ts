import { listed } from '../config/check-losses.ts';
import { traitsIn } from '../config/endpoints.ts';
import type { Configuration } from '../config/load.ts';
import { lossesInWords, lossesOfOlder, lossesOfRoute } from '../config/told-losses.ts';
import type { Envelope } from '../core/envelope.ts';
import { lossNames, lossWords, type LossName } from '../core/losses.ts';
import { looksFor, lostOf } from '../core/message-losses.ts';
import type { Traits } from '../core/protocol.ts';
import type { ResolvedRoute } from '../routing/route/route.ts';

/**
 * What messages of a route may lose on the way to its target `n`, in the words of `check`.
 * @param messages what goes there of the message that is explained, as it is handed to the endpoint
 */
export function lossLines(
  configuration: Configuration,
  route: ResolvedRoute,
  n: number,
  messages: readonly Envelope[],
): string[] {
  const losses = lossesOfRoute(configuration, route).targets[n]!;
  const to = route.to[n]!;
  const older = lossesOfOlder(configuration, route, to);
  const traits = traitsIn(configuration.endpoints.get(to.endpoint)!);
  const lines = [`    lost on the way: ${lossesInWords(losses)}`];
  if (older)
    lines.push(
      `    lost by peers with ${older.version} also: ${listed(older.losses.map(({ what }) => what))}`,
    );
  for (const message of messages) {
    const lost = new Set(lostBy(message, traits));
    const named = losses.filter(({ name }) => lost.has(name));
    // A message may have more than its route is thought to bring: tests write whatever they like.
    const rest = [...lost].filter((name) => !named.some((each) => each.name === name)).map(asNote);
    lines.push(`    lost of this message: ${lossesInWords([...named, ...rest])}`);
    const further = older ? lostBy(message, older.traits).filter((name) => !lost.has(name)) : [];
    if (older && further.length > 0)
      lines.push(
        `    lost of it by peers with ${older.version} also: ${listed(further.map((name) => lossWords[name]))}`,
      );
  }
  return lines;
}

/** What the running gateway would count, and whether it is too large to get there at all. */
function lostBy(message: Envelope, traits: Traits): LossName[] {
  const most = traits.sizes?.to?.bytes ?? traits.limits?.body ?? Infinity;
  const tooLarge = (message.body?.length ?? 0) > most;
  const lost = new Set(lostOf(message, looksFor(traits)));
  if (tooLarge) lost.add('large_messages');
  return lossNames.filter((name) => lost.has(name));
}

const asNote = (name: LossName) =>
  ({ name, severity: 'note', what: lossWords[name], accepted: false }) as const;
