import { performance } from 'node:perf_hooks';
import type { Envelope } from '../../../core/envelope.ts';
import { JunctionError, type ErrorCode } from '../../../core/errors.ts';
import type { Sink } from '../../../core/protocol.ts';
import { invalidAddress } from '../../../core/template.ts';
import { mqttAddress } from '../address.ts';
import type { Connack } from '../codec/connack.ts';
import { Publication } from '../codec/publication.ts';
import { Reason } from '../codec/reasons.ts';
import { fromEnvelope } from '../mapping.ts';
import type { MqttClientConfig } from './config.ts';
import { firstLibraryId, type Link } from './link.ts';

/** While this many bytes have not gone out, nothing more is written. */
const highWater = 1024 * 1024;

/** A message on its way to the broker, settled exactly once. */
interface Outgoing {
  readonly publication: Publication;
  readonly bytes: number;
  /** By the monotonic clock, ms. */
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: JunctionError) => void;
  /** Packet identifier, 0 before the first attempt and for QoS 0. */
  id: number;
  dup: boolean;
  settled: boolean;
}

/** What a broker's refusal means to the sender (MQTT 5 §3.4.2.1). Unspecified ones may pass. */
const codeOf: ReadonlyMap<number, ErrorCode> = new Map([
  [Reason.unspecified, 'unavailable'],
  [Reason.implementation, 'refused'],
  [Reason.notAuthorized, 'not-authorized'],
  [Reason.topicNameInvalid, 'refused'],
  [Reason.packetIdentifierInUse, 'unavailable'],
  [Reason.quotaExceeded, 'busy'],
  [Reason.payloadFormatInvalid, 'invalid-message'],
]);

/**
 * Publishes to the broker. A durable message goes with QoS 1 and resolves with its PUBACK; it waits, and is sent
 * again, over reconnects until its time is up. Others go with QoS 0 and resolve once written.
 */
export class MqttSink implements Sink {
  readonly #config: MqttClientConfig;
  #waiting: Outgoing[] = [];
  #head = 0;
  /** Written and not acknowledged, in order of writing. */
  #inFlight = new Map<number, Outgoing>();
  readonly #ids = new Set<number>();
  #lastId = 0;
  #pendingBytes = 0;
  #link: Link | undefined;
  #allowed: Connack | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(config: MqttClientConfig) {
    this.#config = config;
  }

  send(envelope: Envelope, address: string): Promise<void> {
    const invalid = invalidAddress(address, mqttAddress);
    if (invalid !== undefined) return fail('invalid-message', `MQTT topic "${address}": ${invalid}`);
    if (this.#closed) return fail('closed', 'the MQTT endpoint is closed');
    let publication: Publication;
    try {
      const now = Date.now();
      publication = new Publication(fromEnvelope(envelope, address, now), now);
    } catch (error) {
      return Promise.reject(JunctionError.from(error));
    }
    const bytes = publication.message.payload.length + address.length + 200;
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > this.#config.max_pending)
      return fail(
        'busy',
        `${this.#pendingBytes} bytes wait for the MQTT broker; max_pending is ${this.#config.max_pending}`,
      );
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + this.#config.timeout;
      this.#waiting.push({
        publication,
        bytes,
        deadline,
        resolve,
        reject,
        id: 0,
        dup: false,
        settled: false,
      });
      this.#pendingBytes += bytes;
      this.#sweep ??= setInterval(() => this.#expire(), sweepEvery(this.#config.timeout));
      this.pump();
    });
  }

  /** A connection is there: what was not acknowledged goes first [MQTT-4.4.0-1], in its order [MQTT-4.6.0-1]. */
  attach(link: Link, connack: Connack): void {
    this.#link = link;
    this.#allowed = connack;
    const again: Outgoing[] = [];
    // What follows one whose sender has been told that its time is up must not overtake it.
    let overtaken = false;
    for (const outgoing of this.#inFlight.values()) {
      outgoing.dup = connack.sessionPresent;
      overtaken ||= outgoing.settled;
      if (!overtaken) again.push(outgoing);
      else this.#giveBack(outgoing, this.#unacknowledged());
    }
    this.#inFlight = new Map();
    if (overtaken) this.#giveBackWaiting();
    this.#waiting = [...again, ...this.#waiting.slice(this.#head)];
    this.#head = 0;
    this.pump();
  }

  detach(): void {
    this.#link = undefined;
  }

  acknowledged(id: number, reason: number): void {
    const outgoing = this.#inFlight.get(id);
    if (!outgoing) return;
    this.#inFlight.delete(id);
    this.#forget(outgoing);
    const { topic } = outgoing.publication.message;
    if (reason < 0x80) settle(outgoing);
    else
      settle(
        outgoing,
        new JunctionError(
          codeOf.get(reason) ?? 'refused',
          `the MQTT broker refused a message to ${topic} (reason 0x${reason.toString(16)})`,
        ),
      );
    this.pump();
  }

  /** Writes what waits, as far as the broker allows. */
  pump(): void {
    const link = this.#link;
    if (!link) return;
    const most = Math.min(this.#config.in_flight, this.#allowed!.receiveMaximum);
    while (this.#head < this.#waiting.length && this.#inFlight.size < most && link.pending < highWater)
      this.#write(this.#waiting[this.#head++]!, link, this.#allowed!);
    if (this.#head === this.#waiting.length || this.#head > 1024) {
      this.#waiting = this.#waiting.slice(this.#head);
      this.#head = 0;
    }
  }

  close(): void {
    this.#closed = true;
    this.#link = undefined;
    clearInterval(this.#sweep);
    const error = new JunctionError('closed', 'the MQTT endpoint is closing');
    for (const outgoing of this.#inFlight.values()) settle(outgoing, error);
    for (const outgoing of this.#waiting.slice(this.#head)) settle(outgoing, error);
  }

  #write(outgoing: Outgoing, link: Link, allowed: Connack): void {
    const { publication } = outgoing;
    const { topic, qos, retain } = publication.message;
    const now = Date.now();
    let problem: JunctionError | undefined;
    if (publication.expired(now))
      problem = new JunctionError('expired', 'the time to live of the message is over');
    else if (qos > allowed.maximumQoS)
      problem = new JunctionError(
        'refused',
        `the MQTT broker takes QoS ${allowed.maximumQoS} at most, and would not acknowledge`,
      );
    else if (retain && !allowed.retainAvailable)
      problem = new JunctionError('refused', 'the MQTT broker does not take retained messages');
    if (!problem) {
      if (qos > 0 && outgoing.id === 0) outgoing.id = this.#allocate();
      const { id, dup } = outgoing;
      const packet = publication.encode(
        { level: link.level, qos, retain, dup, id, identifiers: [], alias: 0, aliasOnly: false },
        now,
      );
      if (packet.length <= allowed.maximumPacketSize) {
        link.write(packet);
        if (qos > 0) {
          this.#inFlight.set(id, outgoing);
          return;
        }
      } else
        problem = new JunctionError(
          'too-large',
          `a message of ${packet.length} bytes to ${topic} exceeds the MQTT broker’s limit of ${allowed.maximumPacketSize}`,
        );
    }
    this.#forget(outgoing);
    settle(outgoing, problem);
  }

  #allocate(): number {
    do this.#lastId = this.#lastId >= firstLibraryId - 1 ? 1 : this.#lastId + 1;
    while (this.#ids.has(this.#lastId));
    this.#ids.add(this.#lastId);
    return this.#lastId;
  }

  #forget(outgoing: Outgoing): void {
    this.#pendingBytes -= outgoing.bytes;
    if (outgoing.id > 0) this.#ids.delete(outgoing.id);
  }

  /** What comes after a message that goes back to its sender goes back as well, to be sent again in order. */
  #giveBackWaiting(): void {
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    const { timeout } = this.#config;
    for (const outgoing of waiting)
      this.#giveBack(
        outgoing,
        new JunctionError(
          'unavailable',
          `the MQTT broker took nothing, or not what came before, for ${timeout} ms`,
        ),
      );
  }

  #giveBack(outgoing: Outgoing, error: JunctionError): void {
    this.#forget(outgoing);
    settle(outgoing, error);
  }

  /** Its outcome is unknown. */
  #unacknowledged(): JunctionError {
    return new JunctionError(
      'timeout',
      `the MQTT broker did not acknowledge within ${this.#config.timeout} ms`,
    );
  }

  /** Tells the senders whose time is up; the identifier of what is under way stays taken until the broker answers. */
  #expire(): void {
    const now = performance.now();
    let late = this.#head < this.#waiting.length && this.#waiting[this.#head]!.deadline <= now;
    for (const outgoing of this.#inFlight.values())
      if (outgoing.deadline <= now) {
        late ||= !outgoing.settled;
        settle(outgoing, this.#unacknowledged());
      }
    if (late) this.#giveBackWaiting();
    if (this.#pendingBytes > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}

/** Ms between two looks at the deadlines; bounded, because Node makes 1 ms of what is over 2^31-1. */
const sweepEvery = (timeout: number): number => Math.max(10, Math.min(1000, timeout / 20));

function settle(outgoing: Outgoing, error?: JunctionError): void {
  if (outgoing.settled) return;
  outgoing.settled = true;
  if (error) outgoing.reject(error);
  else outgoing.resolve();
}

const fail = (code: ErrorCode, message: string): Promise<never> =>
  Promise.reject(new JunctionError(code, message));
