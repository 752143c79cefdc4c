import type { Frame } from './frame.ts';
import { FilterSyntaxError, type Condition } from '../../core/condition.ts';
import { JunctionError } from '../../core/errors.ts';
import { compileSelector } from '../../filter/selector.ts';
import { ackModes, StompSubscription, type AckMode, type Port } from './subscription.ts';

const refuse = (message: string): JunctionError => new JunctionError('invalid-message', message);

/** An empty selector is none, as in JMS. */
function readSelector(selector: string | undefined): Condition | undefined {
  if (selector === undefined || selector.trim() === '') return undefined;
  try {
    return compileSelector(selector);
  } catch (error) {
    if (!(error instanceof FilterSyntaxError)) throw error;
    throw refuse(`selector, at character ${error.offset + 1}: ${error.message}`);
  }
}

export interface Limits {
  readonly max_subscriptions: number;
  readonly prefetch: number;
}

/** The subscriptions of one connection: reads SUBSCRIBE, UNSUBSCRIBE, ACK and NACK by the rules of its version. */
export class Subscriptions {
  readonly #port: Port;
  readonly #limits: Limits;
  readonly #byKey = new Map<string, StompSubscription>();
  readonly #byNumber = new Map<number, StompSubscription>();
  /** No longer the client's, but not yet ended. */
  readonly #ending = new Set<StompSubscription>();
  #numbers = 0;

  constructor(port: Port, limits: Limits) {
    this.#port = port;
    this.#limits = limits;
  }

  /**
   * @param rename how an address of the client's is called here
   * @throws JunctionError invalid-message, busy
   */
  add(frame: Frame, rename: (address: string) => string): StompSubscription {
    const written = frame.need('destination');
    const key = this.#key(frame);
    if (this.#byKey.has(key)) throw refuse('there is a subscription of this id; unsubscribe it first');
    if (this.#byKey.size >= this.#limits.max_subscriptions)
      throw new JunctionError(
        'busy',
        `a connection may have ${this.#limits.max_subscriptions} subscriptions`,
      );
    const condition = readSelector(frame.get('selector'));
    const mode = frame.get('ack') ?? 'auto';
    if (!(ackModes as readonly string[]).includes(mode))
      throw refuse(`ack must be one of ${ackModes.join(', ')}`);
    const destination = rename(written);
    const subscription = new StompSubscription(
      {
        number: ++this.#numbers,
        id: frame.get('id'),
        destination,
        alias: destination === written ? undefined : written,
        mode: mode as AckMode,
        prefetch: this.#prefetch(frame),
        selection: condition && { condition, notFrom: undefined },
      },
      this.#port,
    );
    this.#byKey.set(key, subscription);
    this.#byNumber.set(subscription.options.number, subscription);
    return subscription;
  }

  /** UNSUBSCRIBE: nothing more is sent to it; it ends with `drop`. @throws JunctionError invalid-message */
  remove(frame: Frame): StompSubscription {
    const found = this.#find(frame);
    if (!found) throw refuse('there is no such subscription');
    const [key, subscription] = found;
    this.#byKey.delete(key);
    this.#byNumber.delete(subscription.options.number);
    this.#ending.add(subscription);
    subscription.end();
    return subscription;
  }

  /** Ends a removed subscription. */
  drop(subscription: StompSubscription): void {
    this.#ending.delete(subscription);
    subscription.cancel();
  }

  /**
   * ACK or NACK. What was settled before, or went back with its subscription, is not an error: answers of clients
   * and servers cross.
   * @throws JunctionError invalid-message where it names a message that was never sent
   */
  settle(frame: Frame): void {
    if (frame.command === 'NACK' && this.#port.version === '1.0') throw refuse('STOMP 1.0 has no NACK');
    const found = this.#port.version === '1.2' ? this.#findById(frame) : this.#findByMessageId(frame);
    if (!found) return;
    const [subscription, key] = found;
    if (frame.command === 'ACK') subscription.accept(key);
    else subscription.refuse(key, frame.get('requeue') !== 'false');
  }

  resume(): void {
    for (const subscription of this.#byKey.values()) subscription.resume();
  }

  /** Nothing more is sent, but what was can still be settled. */
  end(): void {
    for (const subscription of this.#byKey.values()) subscription.end();
  }

  /** What is not settled goes back. */
  cancel(): void {
    const all = [...this.#byKey.values(), ...this.#ending];
    this.#byKey.clear();
    this.#byNumber.clear();
    this.#ending.clear();
    for (const subscription of all) subscription.cancel();
  }

  /** In 1.0 a subscription without id goes by its destination; from 1.1 on the id is required. */
  #key(frame: Frame): string {
    const id = this.#port.version === '1.0' ? frame.get('id') : frame.need('id');
    return id === undefined ? `destination ${frame.need('destination')}` : `id ${id}`;
  }

  /** A 1.0 client may have given an id and unsubscribe by destination all the same (stomp.py does). */
  #find(frame: Frame): [string, StompSubscription] | undefined {
    const key = this.#key(frame);
    const subscription = this.#byKey.get(key);
    if (subscription) return [key, subscription];
    const destination =
      this.#port.version === '1.0' && frame.get('id') === undefined && frame.get('destination');
    for (const entry of this.#byKey) {
      const { options } = entry[1];
      if ((options.alias ?? options.destination) === destination) return entry;
    }
    return undefined;
  }

  /** `prefetch-count` is RabbitMQ's name, `activemq.prefetchSize` ActiveMQ's; 0 leaves it to us. */
  #prefetch(frame: Frame): number {
    const text = frame.get('prefetch-count') ?? frame.get('activemq.prefetchSize') ?? '0';
    if (!/^\d{1,10}$/.test(text)) throw refuse('the prefetch must be a number of messages');
    return Math.min(Number(text), 65_535) || this.#limits.prefetch;
  }

  /** 1.2: the id is the MESSAGE's ack header. */
  #findById(frame: Frame): [StompSubscription, string] | undefined {
    const id = frame.need('id');
    const parts = /^(\d{1,15})-(\d{1,15})$/.exec(id);
    const number = Number(parts?.[1] ?? 0);
    const subscription = this.#byNumber.get(number);
    if (subscription?.has(id)) return [subscription, id];
    const past = subscription ? subscription.knew(Number(parts![2])) : number >= 1 && number <= this.#numbers;
    if (!past) throw refuse(`${frame.command} names no message that was sent here`);
    return undefined;
  }

  /** 1.1: message-id and subscription; 1.0: message-id, and the subscription if the client likes. */
  #findByMessageId(frame: Frame): [StompSubscription, string] | undefined {
    const id = frame.need('message-id');
    const of = this.#port.version === '1.0' ? frame.get('subscription') : frame.need('subscription');
    const candidates = of === undefined ? [...this.#byKey.values()] : [this.#byKey.get(`id ${of}`)];
    let cumulative = false;
    for (const subscription of candidates) {
      if (subscription?.has(id)) return [subscription, id];
      cumulative ||= subscription?.options.mode === 'client';
    }
    // A client that acknowledges each message in cumulative mode names some that are settled already.
    if (!cumulative) throw refuse(`${frame.command} names no message that waits for it here`);
    return undefined;
  }
}
