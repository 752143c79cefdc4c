import type { ErrorCode, JunctionError } from '../../core/errors.ts';
import type { Pair } from './frame.ts';

/**
 * What the `message` header of an ERROR says; STOMP has no codes. The code itself travels in `error-code`, the
 * sentence that tells what to do in the body.
 */
export const errorMessages = {
  'invalid-message': 'malformed or unexpected frame',
  'too-large': 'limit exceeded',
  'no-route': 'nobody takes this destination',
  'not-authorized': 'access refused',
  expired: 'message has expired',
  loop: 'message loop',
  refused: 'refused',
  unavailable: 'target unavailable, send again later',
  timeout: 'target did not answer in time, send again',
  busy: 'busy, send again later',
  closed: 'gateway is closing, send again later',
  internal: 'internal error',
} as const satisfies Record<ErrorCode, string>;

/** The headers of an ERROR; `receipt` is that of the frame which caused it (STOMP 1.2 "ERROR"). */
export function errorHeaders(error: JunctionError, receipt?: string): Pair[] {
  const headers: Pair[] = [
    ['message', errorMessages[error.code]],
    ['error-code', error.code],
    // with the charset: at a bare text/plain, stompit destroys the frame instead of the client, which nobody can catch
    ['content-type', 'text/plain;charset=utf-8'],
  ];
  if (receipt !== undefined) headers.push(['receipt-id', receipt]);
  return headers;
}
