import type { QoS } from '../codec/message.ts';
import type { Subscription } from '../codec/subscribe.ts';

/** How a session's subscriptions want one message. */
export interface Grant {
  readonly qos: QoS;
  readonly retain: boolean;
  readonly identifiers: readonly number[];
}

/** What these subscriptions of one session grant together; @param retain whether the message came with that flag */
export function grantFor(subscriptions: readonly Subscription[], retain: boolean): Grant {
  return {
    qos: Math.max(...subscriptions.map((s) => s.qos)) as QoS,
    retain: retain && subscriptions.some((s) => s.retainAsPublished), // [MQTT-3.3.1-12, -13]
    identifiers: subscriptions.flatMap((s) => (s.identifier === undefined ? [] : [s.identifier])),
  };
}

/** A message keeps its QoS where the grant's is higher. */
export const lowered = (grant: Grant, qos: QoS): Grant => (grant.qos > qos ? { ...grant, qos } : grant);
