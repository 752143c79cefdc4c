import type { ErrorCode } from '../../core/errors.ts';
import { Reason } from './codec/reasons.ts';

/** How a failed delivery is told to an MQTT 5 publisher, in PUBACK or PUBREC (MQTT 5 §3.4.2.1, §3.5.2.1). */
export const reasonOf = {
  'invalid-message': Reason.implementation,
  'too-large': Reason.implementation,
  'no-route': Reason.topicNameInvalid,
  'not-authorized': Reason.notAuthorized,
  expired: Reason.unspecified,
  loop: Reason.implementation,
  refused: Reason.implementation,
  unavailable: Reason.unspecified,
  timeout: Reason.unspecified,
  busy: Reason.quotaExceeded,
  closed: Reason.unspecified,
  internal: Reason.unspecified,
} as const satisfies Record<ErrorCode, Reason>;
