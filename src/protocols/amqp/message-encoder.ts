import type { Envelope } from '../../core/envelope.ts';
import { fromEnvelope } from './mapping.ts';

/** Encodes messages for outgoing links; one that goes to many subscribers at once is encoded once. */
export class MessageEncoder {
  readonly #onRepeated: (header: string) => void;
  #last: Envelope | undefined;
  #lastOnOwnAddress = false;
  #lastBytes: Buffer | undefined;

  /** @param onRepeated told the name of a header of which only the first could be written */
  constructor(onRepeated: (header: string) => void) {
    this.#onRepeated = onRepeated;
  }

  /** @throws JunctionError `invalid-message` */
  encode(envelope: Envelope, deliveryCount: number, linkAddress: string): Buffer {
    // A time to live counts down, so its bytes are good for one moment only.
    if (deliveryCount !== envelope.deliveryCount || envelope.expiresAt !== undefined)
      return fromEnvelope(envelope, deliveryCount, linkAddress, Date.now(), this.#onRepeated);
    const onOwnAddress = linkAddress === envelope.address;
    if (envelope === this.#last && onOwnAddress === this.#lastOnOwnAddress) return this.#lastBytes!;
    const bytes = fromEnvelope(envelope, deliveryCount, linkAddress, 0, this.#onRepeated);
    this.#last = envelope;
    this.#lastOnOwnAddress = onOwnAddress;
    this.#lastBytes = bytes;
    return bytes;
  }
}
