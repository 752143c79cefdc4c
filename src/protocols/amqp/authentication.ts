import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuthenticationRequest, SaslMechanism } from './engine/sasl-types.ts';

export type Users = ReadonlyMap<string, string>;

/** With users only those may enter; without, everyone. */
export const mechanismsFor = (users: Users | undefined): readonly SaslMechanism[] =>
  users ? ['PLAIN'] : ['ANONYMOUS', 'PLAIN'];

const key = randomBytes(32);
const digest = (text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Checks a name and password in a time that tells nothing of either. */
export function authenticate(request: AuthenticationRequest, users: Users | undefined): boolean {
  if (!users) return request.mechanism === 'ANONYMOUS' || request.mechanism === 'PLAIN';
  if (request.mechanism !== 'PLAIN') return false;
  const known = users.get(request.username);
  const same = timingSafeEqual(digest(request.password), digest(known ?? ''));
  // Nobody may act as somebody else.
  return known !== undefined && same && ['', request.username].includes(request.authorizationId);
}
