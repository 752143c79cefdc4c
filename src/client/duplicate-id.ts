import { z } from 'zod';
import type { Envelope } from '../core/envelope.ts';
import { valueToText } from '../core/header-values.ts';
import { identityOf } from '../core/identity.ts';

/**
 * The property by which ActiveMQ Artemis knows a message that it has already: it confirms that one and drops it. It
 * remembers the last 20,000 of each address, unless told otherwise (`id-cache-size`), over restarts.
 */
export const duplicateIdHeader = '_AMQ_DUPL_ID';

/** Setting of connections to brokers that may be Artemis. */
export const duplicateDetection = z
  .boolean()
  .default(false)
  .describe(
    'ActiveMQ Artemis: whether messages carry `_AMQ_DUPL_ID`, by which it drops what it has already. It is made of the message’s id, which then must be unique, or else given by the gateway.',
  );

/**
 * The message with what the broker knows repeats by, the same whenever the message is sent again. What its sender wrote
 * there stays, unless the gateway gave the message an identity of its own, as it does to dead letters.
 */
export function withDuplicateId(message: Envelope): Envelope {
  const sender = message.headers.find(([name]) => name === duplicateIdHeader);
  if (sender && message.identity === undefined) return message;
  const identity = sender ? `${valueToText(sender[1])} ${message.identity}` : identityOf(message);
  const others = sender ? message.headers.filter(([name]) => name !== duplicateIdHeader) : message.headers;
  return { ...message, headers: [...others, [duplicateIdHeader, identity]] };
}
