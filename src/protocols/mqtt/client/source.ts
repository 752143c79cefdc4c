import { Backoff } from '../../../core/backoff.ts';
import type { Outcome } from '../../../core/outcome.ts';
import type { Intake, Log, Source } from '../../../core/protocol.ts';
import { RateLimitedLog } from '../../../core/rate-limited-log.ts';
import { encodeAck } from '../codec/acks.ts';
import type { MqttMessage } from '../codec/message.ts';
import { Type } from '../codec/packet-types.ts';
import type { Publish } from '../codec/publish.ts';
import { Reason } from '../codec/reasons.ts';
import { reasonOf } from '../errors.ts';
import { toEnvelope } from '../mapping.ts';
import type { MqttClientConfig } from './config.ts';
import type { Link } from './link.ts';

/** A message from the broker until it is acknowledged. */
interface Incoming {
  readonly message: MqttMessage;
  /** Packet identifier, 0 for QoS 0. */
  readonly id: number;
  /** The connection that waits for the acknowledgement. */
  link: Link;
  attempts: number;
  /** What to acknowledge with, once that is known. */
  reason: Reason | undefined;
  backoff: Backoff | undefined;
  retry: NodeJS.Timeout | undefined;
}

/**
 * Hands over what the broker sends and acknowledges it when the outcome is known, in order of arrival [MQTT-4.6.0-2].
 * A released message stays unacknowledged and is tried again here, for MQTT cannot give it back; after a crash or a
 * lost connection the broker sends it anew (with a persistent session). A rejected one is refused with a reason code;
 * MQTT 3.1.1 has none, and to acknowledge would lose it: it is held and tried again like a released one.
 */
export class MqttSource implements Source {
  readonly #config: MqttClientConfig;
  readonly #warnings: RateLimitedLog;
  readonly #onStart: () => Promise<void>;
  #intake: Intake | undefined;
  #waiting: Incoming[] = [];
  /** Not acknowledged yet, by packet identifier, in this session. */
  #unsettled = new Map<number, Incoming>();
  /** In order of arrival on this connection, from the first that is not acknowledged. */
  #order: Incoming[] = [];
  /** QoS 2 identifiers after PUBREC and before PUBREL: not to be handed over again [MQTT-4.3.3-10]. */
  readonly #received = new Set<number>();
  #handedOver = 0;
  #delivering = 0;
  #stopped = false;
  #onIdle: (() => void) | undefined;
  /** Not accepted and tried again, with the reason. */
  readonly #held = new Map<Incoming, string>();

  /** @param onStart subscribes, as soon as the patterns are known */
  constructor(config: MqttClientConfig, log: Log, onStart: () => Promise<void>) {
    this.#config = config;
    this.#warnings = new RateLimitedLog(log);
    this.#onStart = onStart;
  }

  /** Why a message is held, if one is. */
  get trouble(): string | undefined {
    for (const why of this.#held.values()) return why;
    return undefined;
  }

  /** The topic filters of the routes' patterns; captures are wildcards. */
  get filters(): readonly string[] {
    if (!this.#intake || this.#stopped) return [];
    const { share } = this.#config;
    const prefix = share === undefined ? '' : `$share/${share}/`; // MQTT 5 §4.8.2
    const filters = this.#intake.patterns.map(({ segments }) =>
      segments
        .map((segment) =>
          segment.kind === 'literal'
            ? segment.text
            : `${segment.separator}${segment.kind === 'one' ? '+' : '#'}`,
        )
        .join(''),
    );
    return [...new Set(filters)].map((filter) => prefix + filter);
  }

  /** Resolves once subscribed, or at once while there is no connection. */
  start(intake: Intake): Promise<void> {
    this.#intake = intake;
    this.#pump();
    return this.#onStart();
  }

  async stop(): Promise<void> {
    this.close();
    if (this.#delivering > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  /** Takes nothing more and tries nothing again; what is unsettled comes again. */
  close(): void {
    this.#stopped = true;
    for (const incoming of this.#held.keys()) clearTimeout(incoming.retry);
  }

  /** A connection is there. */
  attach(sessionPresent: boolean): void {
    this.#order = [];
    if (sessionPresent) return;
    // The broker has forgotten all: what we still hold is delivered, but nobody waits for its acknowledgement.
    this.#received.clear();
    this.#unsettled = new Map();
  }

  take(link: Link, { message, id }: Publish): void {
    if (this.#stopped) return; // not acknowledged: it comes again
    if (message.qos === 0) return this.#takeQoS0(link, message);
    if (this.#received.has(id)) return link.write(encodeAck(Type.pubrec, id, link.level, Reason.success));
    const known = message.dup ? this.#unsettled.get(id) : undefined;
    const incoming = known ?? newIncoming(link, message, id);
    incoming.link = link;
    this.#order.push(incoming);
    if (known) return this.#acknowledge();
    this.#unsettled.set(id, incoming);
    this.#waiting.push(incoming);
    this.#pump();
  }

  /** A PUBREL: the identifier is free again [MQTT-4.3.3-11]. */
  released(link: Link, id: number): void {
    this.#received.delete(id);
    link.write(encodeAck(Type.pubcomp, id, link.level, Reason.success));
  }

  #takeQoS0(link: Link, message: MqttMessage): void {
    // At most once: rather lost than in the way of those that must arrive.
    if (this.#waiting.length >= this.#config.window)
      return this.#warnings.warn(
        'qos0',
        { topic: message.topic },
        'a QoS 0 message was dropped: the routes are behind',
      );
    this.#waiting.push(newIncoming(link, message, 0));
    this.#pump();
  }

  #pump(): void {
    while (
      this.#intake &&
      !this.#stopped &&
      this.#waiting.length > 0 &&
      this.#handedOver < this.#config.window
    ) {
      this.#handedOver++;
      this.#deliver(this.#waiting.shift()!);
    }
  }

  #deliver(incoming: Incoming): void {
    this.#delivering++;
    const envelope = toEnvelope(incoming.message, Date.now());
    const attempts = incoming.attempts++;
    const again =
      attempts === 0 ? envelope : { ...envelope, deliveryCount: envelope.deliveryCount + attempts };
    void this.#intake!.deliver(again).then((outcome) => {
      this.#delivering--;
      this.#settled(incoming, outcome);
      if (this.#delivering === 0) this.#onIdle?.();
    });
  }

  #settled(incoming: Incoming, outcome: Outcome): void {
    const { id, message, link } = incoming;
    if (outcome.state !== 'accepted') {
      const { topic, qos } = message;
      const held = qos > 0 && (outcome.state === 'released' || link.level < 5);
      const error = outcome.error.message;
      this.#warnings.warn(
        outcome.state,
        { topic, qos, error },
        held
          ? 'a message is held, unacknowledged, and tried again'
          : qos > 0
            ? 'a message was refused to the broker'
            : 'a QoS 0 message was lost',
      );
      if (held) return this.#hold(incoming, `a message to ${topic} is held: ${error}`);
      incoming.reason = outcome.state === 'rejected' ? reasonOf[outcome.error.code] : Reason.success;
    } else incoming.reason = Reason.success;
    this.#handedOver--;
    this.#held.delete(incoming);
    if (id > 0) this.#acknowledge();
    this.#pump();
  }

  #hold(incoming: Incoming, why: string): void {
    this.#held.set(incoming, why);
    if (this.#stopped) return;
    incoming.backoff ??= new Backoff(100, 30_000);
    incoming.retry = setTimeout(() => this.#deliver(incoming), incoming.backoff.next());
  }

  /** Writes the acknowledgements that are due, up to the first message whose outcome is not known. */
  #acknowledge(): void {
    let due = 0;
    for (; due < this.#order.length; due++) {
      const { id, link, message, reason } = this.#order[due]!;
      if (reason === undefined) break;
      this.#unsettled.delete(id);
      if (message.qos === 2 && reason < 0x80) this.#received.add(id);
      link.write(encodeAck(message.qos === 2 ? Type.pubrec : Type.puback, id, link.level, reason));
    }
    if (due > 0) this.#order.splice(0, due);
  }
}

const newIncoming = (link: Link, message: MqttMessage, id: number): Incoming => ({
  message,
  id,
  link,
  attempts: 0,
  reason: undefined,
  backoff: undefined,
  retry: undefined,
});
