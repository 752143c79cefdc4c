import type { Condition } from '../core/condition.ts';
import type { Envelope } from '../core/envelope.ts';

/** Which of an address' messages a consumer wants; undefined: all of them. */
export interface Selection {
  readonly condition: Condition | undefined;
  /** Who publishes what it does not want, e.g. its own connection; a topic's subscribers alone. */
  readonly notFrom: string | undefined;
}

/** Whether a message is meant; one that cannot be judged is not. */
export function isMeant(condition: Condition, message: Envelope): boolean {
  try {
    return condition.matches(message);
  } catch {
    return false;
  }
}

/** Whether a topic's subscriber wants a message of this publisher. */
export function wants(selection: Selection, message: Envelope, publisher: string | undefined): boolean {
  const { condition, notFrom } = selection;
  if (notFrom !== undefined && notFrom === publisher) return false;
  return condition === undefined || isMeant(condition, message);
}

/** Whether two consumers want the same, so that they can share a subscription. */
export const sameSelection = (a: Selection | undefined, b: Selection | undefined): boolean =>
  a?.condition?.text === b?.condition?.text && a?.notFrom === b?.notFrom;

/** Those who want the message; the very list where they all do, as is usual. */
export function takersOf<Subscriber extends { readonly selection: Selection | undefined }>(
  subscribers: readonly Subscriber[],
  message: Envelope,
  publisher: string | undefined,
): readonly Subscriber[] {
  let takers: Subscriber[] | undefined;
  for (let i = 0; i < subscribers.length; i++) {
    const subscriber = subscribers[i]!;
    const { selection } = subscriber;
    const taken = selection === undefined || wants(selection, message, publisher);
    if (!taken) takers ??= subscribers.slice(0, i);
    else takers?.push(subscriber);
  }
  return takers ?? subscribers;
}
