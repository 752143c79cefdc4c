import { gunzipSync } from 'node:zlib';
import { Redelivery } from '../../client/redelivery.ts';
import type { Outcome } from '../../core/outcome.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Context, Intake, Source } from '../../core/protocol.ts';
import { RateLimitedLog } from '../../core/rate-limited-log.ts';
import { subscriptionsOf } from './address.ts';
import type { RocketMqClientConfig } from './config.ts';
import type { Lease } from './lease.ts';
import { toEnvelope } from './mapping.ts';
import { Reading } from './reading.ts';
import type { Session } from './session.ts';
import { definition, type Message } from './wire.ts';

/**
 * Reads topics as a member of a consumer group, by long polling. A message is acknowledged when its targets have it;
 * one that is refused for good becomes a dead letter of the group. Messages of one message group are handed over one
 * after the other.
 */
export class RocketMqSource implements Source {
  readonly #config: RocketMqClientConfig;
  readonly #context: Context;
  readonly #warnings: RateLimitedLog;
  #intake: Intake | undefined;
  #redelivery: Redelivery | undefined;
  #subscriptions: ReadonlyMap<string, string> | undefined;
  #session: Session | undefined;
  #reading: Reading | undefined;
  /** The last message handed over of each message group. */
  readonly #groups = new Map<string, Promise<void>>();
  readonly #settling = new Set<Promise<void>>();
  #stopped = false;

  constructor(config: RocketMqClientConfig, context: Context) {
    this.#config = config;
    this.#context = context;
    this.#warnings = new RateLimitedLog(context.log);
  }

  /** Why it does not read as it should, if so. */
  get trouble(): string | undefined {
    return this.#reading?.trouble ?? this.#redelivery?.trouble;
  }

  /** @throws JunctionError where a pattern has a wildcard for its topic */
  async start(intake: Intake): Promise<void> {
    if (intake.patterns.length === 0) return;
    this.#subscriptions = subscriptionsOf(intake.patterns);
    this.#intake = intake;
    this.#redelivery = new Redelivery(intake, this.#context.log);
    const session = this.#session;
    if (!session || session.lost.aborted) return;
    await this.#read(session).catch((error: unknown) => session.fail(messageOf(error)));
  }

  /**
   * A session has begun.
   * @throws Error where the broker does not let us read
   */
  async attach(session: Session): Promise<void> {
    this.#session = session;
    if (this.#subscriptions && !this.#stopped) await this.#read(session);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#reading?.stop();
    await this.#redelivery?.stop();
    while (this.#settling.size > 0) await Promise.all(this.#settling);
  }

  async #read(session: Session): Promise<void> {
    const reading: Reading = new Reading(session, this.#config, this.#subscriptions!, {
      take: (message, lease, settled) => this.#take(message, lease, settled, session, reading),
      warn: (key, fields, text) => this.#warnings.warn(key, fields, text),
    });
    await reading.start();
    this.#reading = reading;
  }

  #take(message: Message, lease: Lease, settled: () => void, session: Session, reading: Reading): void {
    const group = message.getSystemProperties()?.getMessageGroup() ?? '';
    const deliver = (): Promise<void> => this.#deliver(message, lease, session, reading).then(settled);
    const name = `${lease.topic}:${group}`;
    const before = group === '' ? undefined : this.#groups.get(name);
    const settling: Promise<void> = before ? before.then(deliver) : deliver();
    if (group !== '') this.#groups.set(name, settling);
    this.#settling.add(settling);
    void settling.then(() => {
      this.#settling.delete(settling);
      if (this.#groups.get(name) === settling) this.#groups.delete(name);
    });
  }

  /** Never rejects. */
  async #deliver(message: Message, lease: Lease, session: Session, { leases }: Reading): Promise<void> {
    // behind another of its group it may have waited for longer than its session lived
    if (session.lost.aborted) return;
    const outcome = this.#stopped ? undefined : await this.#handOver(message, lease.topic, session.lost);
    if (session.lost.aborted) return;
    if (outcome?.state === 'accepted') await leases.accept(lease);
    else if (outcome?.state === 'rejected') await leases.reject(lease);
    else await leases.release(lease);
  }

  #handOver(message: Message, topic: string, lost: AbortSignal): Promise<Outcome> {
    try {
      const tag = message.getSystemProperties()?.getTag() ?? '';
      const address = tag === '' ? topic : `${topic}:${tag}`;
      const tagged = tag !== '' && this.#intake!.readerOf(address) !== undefined;
      const body = this.#bodyOf(message);
      return this.#redelivery!.deliver(toEnvelope(message, tagged ? address : topic, body, tagged), lost);
    } catch (thrown) {
      const error = JunctionError.from(thrown, 'invalid-message');
      this.#warnings.warn(
        'unreadable',
        { topic, error: error.message },
        'a message that cannot be read was made a dead letter of its group',
      );
      return Promise.resolve({ state: 'rejected', error });
    }
  }

  #bodyOf(message: Message): Uint8Array {
    const { max_message } = this.#config;
    const body = message.getBody_asU8();
    const packed = message.getSystemProperties()?.getBodyEncoding() === definition.Encoding.GZIP;
    if (body.length > max_message)
      throw new JunctionError('too-large', `${body.length} bytes; max_message is ${max_message}`);
    return packed ? gunzipSync(body, { maxOutputLength: max_message }) : body;
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
