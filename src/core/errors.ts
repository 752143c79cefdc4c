/**
 * Every way a delivery can fail. Each protocol maps all of these to codes of its own
 * (`satisfies Record<ErrorCode, …>`), so that a new one is a compile error until it has a place everywhere.
 */
export const errorCodes = [
  'invalid-message', // the message itself can never be carried by this target
  'too-large', // it exceeds a limit of the gateway or of the target
  'no-route', // no route and no subscriber takes the address
  'not-authorized', // the peer may not do this
  'expired', // its time to live is over
  'loop', // it has passed through gateways too often
  'refused', // the target understood the message and refused it for good
  'unavailable', // the target cannot be reached now
  'timeout', // the target did not answer in time: the outcome is unknown
  'busy', // a limit is reached for now
  'closed', // the endpoint is stopping
  'internal', // a defect of ours
] as const;

export type ErrorCode = (typeof errorCodes)[number];

const retryableCodes: ReadonlySet<ErrorCode> = new Set(['unavailable', 'timeout', 'busy', 'closed']);

/** The one error that crosses a module boundary. Its message says what happened and what to do about it. */
export class JunctionError extends Error {
  override readonly name = 'JunctionError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same message may succeed later. */
  get retryable(): boolean {
    return retryableCodes.has(this.code);
  }

  /** Converts what a library threw; to be used at the edge where that library is called. */
  static from(reason: unknown, code: ErrorCode = 'internal'): JunctionError {
    if (reason instanceof JunctionError) return reason;
    return new JunctionError(code, reason instanceof Error ? reason.message : String(reason), {
      cause: reason,
    });
  }
}
