import { JunctionError } from '../../core/errors.ts';
import { combine, type Outcome } from '../../core/outcome.ts';
import type { TargetGroup } from '../route/route.ts';
import type { Target } from './target.ts';

/** Targets of one route that stand for one: `one` by itself, one of a group, or a mirror. */
export interface Alternatives {
  readonly mode: 'one' | TargetGroup['mode'] | 'mirror';
  /** In order; one and no more where the mode is `one` or `mirror`. */
  readonly targets: readonly [Target, ...Target[]];
}

/** Puts those of a group together, in the order of the route. */
export function alternativesOf(targets: readonly Target[]): readonly Alternatives[] {
  const found: Alternatives[] = [];
  const groups = new Map<number, Target[]>();
  for (const target of targets) {
    const { group, mirror } = target.to;
    const known = group && groups.get(group.number);
    if (known) known.push(target);
    else {
      const members: [Target, ...Target[]] = [target];
      found.push({ mode: group?.mode ?? (mirror === undefined ? 'one' : 'mirror'), targets: members });
      if (group) groups.set(group.number, members);
    }
  }
  return found;
}

/**
 * The outcome of a group: accepted once one of its targets has the message.
 * @param send to one of them; never rejects
 */
export async function sendToOne(
  { mode, targets }: Alternatives,
  send: (target: Target) => Promise<Outcome>,
): Promise<Outcome> {
  if (mode === 'any') return firstAccepted(targets.map(send));
  const outcomes: Outcome[] = [];
  for (const target of targets) {
    const outcome = await send(target);
    if (outcome.state === 'accepted') return outcome;
    outcomes.push(outcome);
  }
  return ofFailures(outcomes);
}

function firstAccepted(all: readonly Promise<Outcome>[]): Promise<Outcome> {
  return new Promise((resolve) => {
    for (const one of all)
      void one.then((outcome) => {
        if (outcome.state === 'accepted') resolve(outcome);
      });
    void Promise.all(all).then((outcomes) => resolve(ofFailures(outcomes)));
  });
}

/** One that may take it later is reason enough to send it again. */
function ofFailures(outcomes: readonly Outcome[]): Outcome {
  const later = outcomes.find(({ state }) => state === 'released');
  // Not the very outcome: a spool takes `givenBack` for a word that it is told when to send again.
  if (later?.state === 'released') return { state: 'released', error: later.error };
  return combine(outcomes);
}

/** What is told of a group of which no target ever takes the message. */
export const groupFailed = (targets: readonly Target[], error: JunctionError): JunctionError =>
  new JunctionError(
    error.code,
    `none of ${targets.map(({ to }) => to.endpoint).join(', ')} took it: ${error.message}`,
    { cause: error },
  );
