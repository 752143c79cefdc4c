import { randomUUID } from 'node:crypto';
import type { Envelope } from './envelope.ts';
import { identifierToText } from './identifier-text.ts';

/** Begins what this process gives out, so that no other one gives out the same. */
const process = randomUUID();
let last = 0;

const given = new WeakMap<Envelope, string>();

/** A text that no other message has. */
export const newIdentity = (): string => `${process}-${++last}`;

/**
 * What tells a message from all others, the same whenever this envelope is sent again: what it was given, else its own
 * id, else a text made for this object, which a restart does not outlive.
 */
export function identityOf(message: Envelope): string {
  if (message.identity !== undefined) return message.identity;
  if (message.id !== undefined) return identifierToText(message.id);
  let identity = given.get(message);
  if (identity === undefined) given.set(message, (identity = newIdentity()));
  return identity;
}
