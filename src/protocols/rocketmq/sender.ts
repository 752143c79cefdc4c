import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Outgoing, SendQueue } from '../../client/send-queue.ts';
import type { Destination } from './address.ts';
import type { RocketMqClientConfig } from './config.ts';
import { ConnectionLost, RocketMqError, sendError } from './errors.ts';
import { deliverAtHeader, groupOf, toMessage, toProperties } from './mapping.ts';
import type { BrokerOfTopic, Route } from './route.ts';
import type { Session } from './session.ts';
import { Code, MessageType, resource, service, type definition } from './wire.ts';

/** A message and where it goes. */
export interface Outbound extends Destination {
  readonly envelope: Envelope;
}

/** What goes one after the other: messages of one key to one topic, or those without a key. */
interface Lane {
  readonly waiting: Outgoing<Outbound>[];
}

/**
 * Sends over one session what the queue gives out. Messages of one key to one topic are sent one after the other;
 * others at the same time.
 */
export class Sender {
  readonly #queue: SendQueue<Outbound>;
  readonly #session: Session;
  readonly #config: RocketMqClientConfig;
  readonly #onRepeats: (message: Outbound) => void;
  readonly #lanes = new Map<string, Lane>();
  #turn = 0;

  constructor(
    queue: SendQueue<Outbound>,
    session: Session,
    config: RocketMqClientConfig,
    onRepeats: (message: Outbound) => void,
  ) {
    this.#queue = queue;
    this.#session = session;
    this.#config = config;
    this.#onRepeats = onRepeats;
  }

  /** Takes what may be under way. */
  pump(): void {
    if (this.#session.lost.aborted) return;
    for (let next = this.#queue.take(); next; next = this.#queue.take()) {
      const { topic, envelope } = next.value;
      const name = `${topic}:${envelope.key ?? ''}`;
      const lane = this.#lanes.get(name);
      if (lane) {
        lane.waiting.push(next);
        continue;
      }
      const fresh: Lane = { waiting: [next] };
      this.#lanes.set(name, fresh);
      void this.#run(name, fresh);
    }
  }

  async #run(name: string, lane: Lane): Promise<void> {
    for (let next = lane.waiting.shift(); next; next = lane.waiting.shift()) {
      if (this.#session.lost.aborted) return;
      if (next.settled)
        this.#queue.done(next); // too late: its sender has been told
      else {
        const { topic, envelope } = next.value;
        try {
          const route = await this.#session.route(topic);
          const type = typeOf(route, next.value, this.#config.delay);
          const sending = this.#send(next, route, type);
          if (type === MessageType.FIFO || envelope.key !== undefined) await sending;
        } catch (error) {
          this.#answer(next, error);
        }
      }
    }
    this.#lanes.delete(name);
  }

  async #send(outgoing: Outgoing<Outbound>, route: Route, type: definition.MessageType): Promise<void> {
    const { topic, envelope } = outgoing.value;
    try {
      const broker = this.#brokerFor(
        route,
        type === MessageType.FIFO ? groupOf(envelope.key) : undefined,
        topic,
      );
      const connection = await this.#session.producer(broker.proxy);
      const request = new service.SendMessageRequest().setMessagesList([this.#encode(outgoing.value, type)]);
      const answer = await connection.call('sendMessage', request);
      for (const entry of answer.getEntriesList()) {
        const failure = connection.refusal(entry.getStatus());
        if (failure) throw failure;
      }
      this.#answer(outgoing, undefined);
    } catch (error) {
      this.#answer(outgoing, error);
    }
  }

  /** What was under way when the connection was lost is not answered: it is sent again over the next one. */
  #answer(outgoing: Outgoing<Outbound>, error: unknown): void {
    if (error instanceof ConnectionLost) return;
    this.#queue.done(outgoing, error === undefined ? undefined : sendError(outgoing.value.topic, error));
    this.pump();
  }

  #encode(message: Outbound, type: definition.MessageType) {
    const { envelope, topic } = message;
    const fifo = type === MessageType.FIFO;
    const properties = toProperties(envelope, fifo && envelope.key !== undefined);
    if (properties.repeats > 0) this.#onRepeats(message);
    const { delay, namespace, tag } = this.#config;
    return toMessage(envelope, properties, {
      topic: resource(topic, namespace),
      tag: message.tag ?? properties.tag ?? tag,
      type,
      group: fifo ? groupOf(envelope.key) : undefined,
      deliverAt: type === MessageType.DELAY ? (properties.deliverAt ?? Date.now() + (delay ?? 0)) : undefined,
    });
  }

  /** The messages of one group go to one broker, whose proxy gives them one queue; others go round. */
  #brokerFor({ writable }: Route, group: string | undefined, topic: string): BrokerOfTopic {
    if (writable.length === 0)
      throw new RocketMqError(Code.TOPIC_NOT_FOUND, `no broker takes messages to ${topic} at present`);
    const index = group === undefined ? this.#turn++ : hash(group);
    return writable[index % writable.length]!;
  }
}

/**
 * The kind of message that a topic takes. A topic of FIFO messages wants a group on each, one of DELAY messages a time.
 * @throws JunctionError refused where it takes none that we can send
 */
export function typeOf(
  { accepts }: Route,
  { envelope, topic }: Outbound,
  delay: number | undefined,
): definition.MessageType {
  const delayed = delay !== undefined || envelope.headers.some(([name]) => name === deliverAtHeader);
  if (delayed && accepts.has(MessageType.DELAY)) return MessageType.DELAY;
  if (envelope.key !== undefined && accepts.has(MessageType.FIFO)) return MessageType.FIFO;
  if (accepts.has(MessageType.NORMAL)) return MessageType.NORMAL;
  if (accepts.has(MessageType.FIFO)) return MessageType.FIFO;
  if (accepts.has(MessageType.DELAY)) return MessageType.DELAY;
  throw new JunctionError('refused', `RocketMQ topic ${topic} takes transactional messages only`);
}

function hash(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) value = (Math.imul(value, 31) + text.charCodeAt(i)) >>> 0;
  return value;
}
