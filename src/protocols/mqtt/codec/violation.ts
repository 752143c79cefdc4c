import { Reason } from './reasons.ts';

/** A packet that MQTT does not allow. The connection it came on is closed for it, and no other. */
export class Violation extends Error {
  /** As MQTT 5 names it. */
  readonly reason: Reason;
  /** The return code of an MQTT 3 CONNACK, where one is defined for this. */
  readonly returnCode: number | undefined;

  constructor(reason: Reason, message: string, returnCode?: number) {
    super(message);
    this.reason = reason;
    this.returnCode = returnCode;
  }
}

export const malformed = (message: string): Violation => new Violation(Reason.malformed, message);
export const protocolError = (message: string): Violation => new Violation(Reason.protocolError, message);
