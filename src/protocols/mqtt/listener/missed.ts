import { hopsHeader } from '../../../core/reserved-headers.ts';
import type { LossCounter, LossName } from '../../../core/losses.ts';
import { looksFor, lostOf } from '../../../core/message-losses.ts';
import type { MessageProperties, MqttMessage } from '../codec/message.ts';
import { toEnvelope } from '../mapping.ts';
import { mqtt3Traits } from '../traits.ts';

const looks = looksFor(mqtt3Traits);
const nothing: readonly LossName[] = [];

/** Counts what clients of MQTT 3 miss of the messages that they are sent: all that is in the properties of MQTT 5. */
export class Missed {
  readonly #losses: LossCounter | undefined;
  /** Those looked at last: a message goes to many clients. */
  #properties: MessageProperties | undefined;
  #names = nothing;

  constructor(losses: LossCounter | undefined) {
    this.#losses = losses;
  }

  /** The message has been sent to such a client. */
  add(message: MqttMessage): void {
    const { properties } = message;
    if (properties === undefined || this.#losses === undefined) return;
    if (properties !== this.#properties) {
      this.#properties = properties;
      this.#names = isBare(properties) ? nothing : lostOf(toEnvelope(message, 0), looks);
    }
    for (const name of this.#names) this.#losses.lost(name);
  }
}

/** Whether they say nothing but how many routes the message has passed, which is no loss of the message. */
const isBare = ({
  user,
  text,
  expiry,
  contentType,
  responseTopic,
  correlationData,
}: MessageProperties): boolean =>
  text === undefined &&
  expiry === undefined &&
  contentType === undefined &&
  responseTopic === undefined &&
  correlationData === undefined &&
  (user.length === 0 || (user.length === 1 && user[0]![0] === hopsHeader));
