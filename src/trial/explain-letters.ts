import type { Envelope } from '../core/envelope.ts';
import { plain } from '../core/plain-text.ts';
import { deadLetterHeaders } from '../core/reserved-headers.ts';
import type { ResolvedRoute } from '../routing/route/route.ts';
import type { Tried } from './trial.ts';

/** The dead letters that a message has become on a route, in the store or at an endpoint. */
export function letterLines({ name, deadLetter }: ResolvedRoute, { letters, sent }: Tried): string[] {
  const all = [
    ...letters.flatMap((letter) => (letter.route === name ? [letter] : [])),
    ...sent.flatMap(({ message }) => letterOf(message) ?? []).filter(({ route }) => route === name),
  ];
  const where = typeof deadLetter === 'object' ? `${deadLetter.endpoint} ${deadLetter.address}` : 'the store';
  return all.map(({ endpoint, code, reason }) =>
    plain(
      `  → dead letter to ${where}${endpoint === undefined ? '' : `, not sent to ${endpoint}`}: ${code}: ${reason}`,
    ),
  );
}

/** What a message says of itself that is a dead letter at an endpoint; undefined where it is none. */
export function letterOf({ headers }: Envelope) {
  const of = (wanted: string): string | undefined => {
    const value = headers.find(([each]) => each === wanted)?.[1];
    return typeof value === 'string' ? value : undefined;
  };
  const route = of(deadLetterHeaders.route);
  return route === undefined
    ? undefined
    : {
        route,
        endpoint: of(deadLetterHeaders.endpoint),
        code: of(deadLetterHeaders.code),
        reason: of(deadLetterHeaders.reason),
      };
}
