import { createHash } from 'node:crypto';
import { Redelivery } from '../../../client/redelivery.ts';
import type { Outcome } from '../../../core/outcome.ts';
import type { Intake, Log, Source } from '../../../core/protocol.ts';
import { encodeFrame } from '../frame-writer.ts';
import type { Frame, Pair } from '../frame.ts';
import type { StompClientConfig } from './config.ts';
import { destinationOf, subscribeHeaders } from './dialect.ts';
import type { Link } from './link.ts';
import { fromMessage } from './mapping.ts';

interface Subscription {
  readonly destination: string;
  /** What every message of it is called in routes; undefined where wildcards leave that to the message. */
  readonly address: string | undefined;
}

/**
 * Reads what routes want, with ack client-individual, and settles each message when its outcome is known. What is
 * released is tried again here; what is given back stays unacknowledged, and the broker delivers it again when the
 * connection has ended. What is rejected is refused by NACK where that does not lose it, else held.
 */
export class StompSource implements Source {
  readonly #config: StompClientConfig;
  readonly #log: Log;
  readonly #clientId: string;
  readonly #onStart: () => void;
  readonly #onStop: () => Promise<void>;
  #intake: Intake | undefined;
  #redelivery: Redelivery | undefined;
  #subscriptions = new Map<string, Subscription>();
  #link: Link | undefined;
  #lost = new AbortController();
  /** Unsettled on this connection. */
  #unsettled = 0;
  /** Why a refused message is kept unacknowledged on this connection, if one is. */
  #kept: string | undefined;
  #stopped = false;

  /**
   * @param onStart connects, as there is something to read
   * @param onStop ends the connection
   */
  constructor(
    config: StompClientConfig,
    log: Log,
    clientId: string,
    onStart: () => void,
    onStop: () => Promise<void>,
  ) {
    this.#config = config;
    this.#log = log;
    this.#clientId = clientId;
    this.#onStart = onStart;
    this.#onStop = onStop;
  }

  /** Why a message is held, if one is. */
  get trouble(): string | undefined {
    return this.#kept ?? this.#redelivery?.trouble;
  }

  start(intake: Intake): Promise<void> {
    this.#intake = intake;
    this.#redelivery = new Redelivery(intake, this.#log);
    if (intake.patterns.length > 0 && !this.#stopped) this.#onStart();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#redelivery?.stop();
    await this.#onStop();
  }

  /** Gives up what is held, without waiting for what routes still have. */
  close(): void {
    this.#stopped = true;
    this.detach();
    void this.#redelivery?.stop();
  }

  /**
   * Asks for everything that routes want; resolves once the broker has agreed.
   * @throws Error with the reason why not
   */
  async subscribe(link: Link): Promise<void> {
    this.#lost = new AbortController();
    this.#unsettled = 0;
    this.#kept = undefined;
    this.#subscriptions = new Map();
    this.#link = link;
    const requests: Promise<void>[] = [];
    for (const pattern of this.#intake!.patterns) {
      const destination = destinationOf(pattern, link.dialect);
      const hash = createHash('sha256').update(destination).digest('hex').slice(0, 16);
      const id = `${this.#clientId}-${hash}`; // lasting, because brokers name durable subscriptions by it
      if (this.#subscriptions.has(id)) continue;
      this.#subscriptions.set(id, { destination, address: pattern.literal ? destination : undefined });
      const headers: Pair[] = [
        ['destination', destination],
        ['id', id],
        ['ack', 'client-individual'],
        ...subscribeHeaders(link.dialect, this.#config, destination, id, this.#clientId),
      ];
      requests.push(link.request('SUBSCRIBE', headers));
      // Artemis confirms DISCONNECT before what is unsettled is back in the queue: later messages would overtake it.
      if (link.dialect.name === 'Artemis') link.atClose('UNSUBSCRIBE', [['id', id]]);
    }
    await Promise.all(requests);
  }

  /** The connection is lost: the broker counts what it sent as not delivered. */
  detach(): void {
    this.#link = undefined;
    this.#kept = undefined;
    this.#lost.abort();
  }

  take(frame: Frame): void {
    const link = this.#link;
    if (this.#stopped || !link) return; // not acknowledged: it comes again
    const subscription = this.#subscriptions.get(frame.get('subscription') ?? '') ?? this.#only();
    const address = this.#addressOf(frame.get('destination') ?? '', subscription);
    const envelope = fromMessage(frame, link.dialect, address, Date.now());
    if (++this.#unsettled >= this.#config.window) link.pause();
    void this.#redelivery!.deliver(envelope, this.#lost.signal).then((outcome) =>
      this.#settle(frame, link, outcome, address),
    );
  }

  /** STOMP 1.0 need not say which subscription a message belongs to. */
  #only(): Subscription | undefined {
    if (this.#subscriptions.size !== 1) return undefined;
    for (const subscription of this.#subscriptions.values()) return subscription;
    return undefined;
  }

  /** Brokers may call a destination otherwise than it was subscribed to: what a queue was fed by, or without prefix. */
  #addressOf(destination: string, subscription: Subscription | undefined): string {
    if (subscription?.address !== undefined) return subscription.address;
    if (!subscription || this.#intake!.readerOf(destination) !== undefined) return destination;
    const prefix = /^(\/[^/]+\/|[a-z]+:\/\/)/.exec(subscription.destination)?.[1] ?? '';
    return prefix + destination;
  }

  #settle(frame: Frame, link: Link, outcome: Outcome, address: string): void {
    if (link !== this.#link) return; // the broker has it again
    if (outcome.state === 'released') return;
    if (outcome.state === 'rejected' && (link.dialect.nack === 'discard' || link.version === '1.0')) {
      this.#kept = `a message from ${address} is kept unacknowledged, because a NACK would lose it: ${outcome.error.message}`;
      return;
    }
    const command = outcome.state === 'accepted' ? 'ACK' : 'NACK';
    const more = command === 'NACK' ? link.dialect.nackHeaders : [];
    link.write(encodeFrame(command, [...settlementHeaders(frame, link), ...more], link.version));
    if (this.#unsettled-- >= this.#config.window) link.resume();
  }
}

/** What names a message in ACK and NACK, by version. */
function settlementHeaders(frame: Frame, { version }: Link): Pair[] {
  if (version === '1.2') return [['id', frame.get('ack') ?? frame.get('message-id') ?? '']];
  const headers: Pair[] = [['message-id', frame.get('message-id') ?? '']];
  const subscription = frame.get('subscription');
  if (subscription !== undefined) headers.push(['subscription', subscription]);
  return headers;
}
