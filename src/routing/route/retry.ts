import type { ErrorCode } from '../../core/errors.ts';

/** When a message that a target did not take is sent to it again, and when no more. */
export interface RetryPolicy {
  /** How often it is sent, the first time included. */
  readonly attempts: number;
  /** Ms after the first attempt in which it may be sent. */
  readonly deadline: number;
  /**
   * What becomes of a message when these are over: `dead`, its delivery has failed for good, since someone has written
   * down how long it is to be tried; `release`, its source is told that it may succeed later.
   */
  readonly over: 'dead' | 'release';
  /** The first wait and the longest, ms. */
  readonly from: number;
  readonly to: number;
  /** Codes that are failures for good here, beside those that always are. */
  readonly permanent: ReadonlySet<ErrorCode>;
}

/** `retry:` as a file, a route or a target writes it; false: a message is sent once. */
export type RetrySettings =
  | false
  | {
      readonly attempts?: number | undefined;
      readonly deadline?: number | undefined;
      readonly backoff?: { readonly from?: number | undefined; readonly to?: number | undefined } | undefined;
      readonly permanent?: readonly ErrorCode[] | undefined;
    };

/** Ms for which a message is tried again while its sender waits, where nothing else is written. */
export const defaultDeadline = 30_000;
export const defaultBackoff = { from: 200, to: 30_000 } as const;

/**
 * The policy that several levels of settings make; undefined where nothing is tried again.
 * @param levels from the widest to the closest, which wins key by key
 * @param spooled whether the route's spool holds the message, so that nobody waits for it
 */
export function retryPolicy(
  levels: readonly (RetrySettings | undefined)[],
  spooled: boolean,
): RetryPolicy | undefined {
  let merged: Exclude<RetrySettings, false> | undefined = {};
  for (const level of levels) {
    if (level === undefined) continue;
    merged =
      level === false
        ? undefined
        : { ...merged, ...level, backoff: { ...merged?.backoff, ...level.backoff } };
  }
  if (merged === undefined) return undefined;
  const { attempts, deadline, backoff, permanent } = merged;
  const from = backoff?.from ?? Math.min(defaultBackoff.from, backoff?.to ?? Infinity);
  return {
    attempts: attempts ?? Infinity,
    // With a number of attempts written, that is the bound.
    deadline: deadline ?? (spooled || attempts !== undefined ? Infinity : defaultDeadline),
    over: attempts !== undefined || deadline !== undefined ? 'dead' : 'release',
    from,
    to: Math.max(from, backoff?.to ?? defaultBackoff.to),
    permanent: new Set(permanent),
  };
}
