import type { Outcome } from '../../../core/outcome.ts';
import { encodeAck } from '../codec/acks.ts';
import type { MqttMessage } from '../codec/message.ts';
import { Type, type Level } from '../codec/packet-types.ts';
import type { Publish } from '../codec/publish.ts';
import { Reason } from '../codec/reasons.ts';
import { protocolError, Violation } from '../codec/violation.ts';
import { reasonOf } from '../errors.ts';

/** What became of a published message; `nobody` where it was accepted though no one takes it. */
export interface Published {
  readonly outcome: Outcome;
  readonly nobody: boolean;
}

/** A QoS 2 message that the client has not released: it is not delivered a second time [MQTT-4.3.3-12]. */
export interface Received {
  published: Published | undefined;
  /** How often this connection has sent it again after its PUBREC. */
  repeats: number;
  /** Acknowledgements that wait for the outcome; more than one after a reconnect. */
  readonly waiting: Slot[];
}

/** The acknowledgement that a PUBLISH of QoS 1 or 2 will get. */
interface Slot {
  readonly type: number;
  readonly id: number;
  readonly owner: Inbound;
  published: Published | undefined;
}

export interface InboundPeer {
  readonly level: Level;
  readonly problemInformation: boolean;
  write(packet: Buffer): void;
  /** A message was refused that MQTT 3 has no word for: the connection is closed, so that the client sends it again. */
  refused(outcome: Outcome): void;
  /** There is room in the window again. */
  resume(): void;
}

/** The messages of one connection that are not settled: at most `window`, acknowledged in order of arrival. */
export class Inbound {
  readonly #peer: InboundPeer;
  /** The session's, which outlive this connection; by packet identifier. */
  readonly #received: Map<number, Received>;
  readonly #window: number;
  readonly #publish: (message: MqttMessage) => Published | Promise<Published>;
  #slots: Slot[] = [];
  #head = 0;
  #unsettledQoS0 = 0;
  #full = false;
  #closed = false;

  constructor(
    peer: InboundPeer,
    received: Map<number, Received>,
    window: number,
    publish: (message: MqttMessage) => Published | Promise<Published>,
  ) {
    this.#peer = peer;
    this.#received = received;
    this.#window = window;
    this.#publish = publish;
    for (const open of received.values()) open.repeats = 0;
  }

  /**
   * Whether no more may be read. MQTT 5 clients know the window as Receive Maximum, but widespread ones (mqtt.js)
   * exceed it; for messages that wait for *us* they are made to wait, as older clients are, not disconnected.
   */
  get full(): boolean {
    return (this.#full = this.#unsettledQoS0 + this.#slots.length - this.#head >= this.#window);
  }

  /** @throws Violation where an MQTT 5 client holds more QoS 2 messages open than Receive Maximum [MQTT-3.3.4-9] */
  take({ message, id }: Publish): void {
    if (message.qos === 0) return this.#takeQoS0(message);
    const known = message.qos === 2 ? this.#received.get(id) : undefined;
    if (this.#peer.level === 5 && message.qos === 2 && !known && this.#received.size >= this.#window)
      throw new Violation(Reason.receiveMaximumExceeded, `more than ${this.#window} unreleased messages`);
    // MQTT 5 sends again only on a new connection [MQTT-4.4.0-1]; once is forgiven.
    if (this.#peer.level === 5 && known?.published && ++known.repeats > 1)
      throw protocolError('a message is sent again and again');
    const type = message.qos === 1 ? Type.puback : Type.pubrec;
    const slot: Slot = { type, id, owner: this, published: undefined };
    this.#slots.push(slot);
    if (known) {
      if (known.published) this.#fill(slot, known.published);
      else known.waiting.push(slot);
      return;
    }
    if (message.qos === 2) return this.#takeQoS2(message, slot);
    const published = this.#publish(message);
    if (published instanceof Promise) void published.then((done) => this.#fill(slot, done));
    else this.#fill(slot, published);
  }

  /** PUBREL: the client will not send this message again. */
  release(id: number): void {
    const received = this.#received.get(id);
    if (received && !received.published) throw protocolError('a PUBREL before the PUBREC of its message');
    this.#received.delete(id);
    this.#peer.write(
      encodeAck(
        Type.pubcomp,
        id,
        this.#peer.level,
        received ? Reason.success : Reason.packetIdentifierNotFound,
      ),
    );
  }

  /** The connection is gone; outcomes that come later are not told to it. */
  close(): void {
    this.#closed = true;
    this.#slots = [];
    this.#head = 0;
  }

  #takeQoS0(message: MqttMessage): void {
    const published = this.#publish(message);
    if (!(published instanceof Promise)) return;
    this.#unsettledQoS0++;
    // There is no acknowledgement: what is refused is gone, as QoS 0 allows.
    void published.then(() => {
      this.#unsettledQoS0--;
      this.#resume();
    });
  }

  #takeQoS2(message: MqttMessage, slot: Slot): void {
    const received: Received = { published: undefined, repeats: 0, waiting: [slot] };
    this.#received.set(slot.id, received);
    const done = (published: Published): void => {
      if (published.outcome.state === 'accepted') received.published = published;
      else this.#received.delete(slot.id);
      for (const waiting of received.waiting) waiting.owner.#fill(waiting, published);
      received.waiting.length = 0;
    };
    const published = this.#publish(message);
    if (published instanceof Promise) void published.then(done);
    else done(published);
  }

  #fill(slot: Slot, published: Published): void {
    slot.published = published;
    if (this.#closed) return;
    while (this.#head < this.#slots.length && this.#slots[this.#head]!.published) {
      this.#acknowledge(this.#slots[this.#head++]!);
      if (this.#closed) return;
    }
    if (this.#head === this.#slots.length) {
      this.#slots = [];
      this.#head = 0;
    } else if (this.#head >= 1024) {
      this.#slots = this.#slots.slice(this.#head);
      this.#head = 0;
    }
    this.#resume();
  }

  /** [MQTT-4.6.0-2], [MQTT-4.6.0-3]: called in the order of arrival. */
  #acknowledge(slot: Slot): void {
    const { outcome, nobody } = slot.published!;
    const { level, problemInformation } = this.#peer;
    if (outcome.state === 'accepted') {
      const reason = nobody ? Reason.noMatchingSubscribers : Reason.success;
      this.#peer.write(encodeAck(slot.type, slot.id, level, reason));
    } else if (level === 5) {
      const why = problemInformation ? outcome.error.message : undefined;
      this.#peer.write(encodeAck(slot.type, slot.id, level, reasonOf[outcome.error.code], why));
    } else {
      this.#peer.refused(outcome);
    }
  }

  #resume(): void {
    if (this.#full && !this.full && !this.#closed) this.#peer.resume();
  }
}
