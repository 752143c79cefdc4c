import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { after } from 'node:test';
import rhea, {
  type Connection,
  type ConnectionOptions,
  type EventContext,
  type Receiver,
  type ReceiverOptions,
  type Sender,
  type SenderOptions,
} from 'rhea';
import type { z } from 'zod';
import type { Envelope } from '../../../src/core/envelope.ts';
import { accepted, type Outcome } from '../../../src/core/outcome.ts';
import type { Endpoint, Intake } from '../../../src/core/protocol.ts';
import amqp from '../../../src/protocols/amqp/index.ts';
import type { amqpListenerConfig } from '../../../src/protocols/amqp/config.ts';
import { keptLog } from '../../helpers.ts';

/** Routes for tests: what they were given, and what they answer. */
export class FakeIntake implements Intake {
  readonly patterns = [];
  readonly got: Envelope[] = [];
  /** Addresses that a route reads. */
  readonly read = new Set<string>();
  answer: (envelope: Envelope) => Outcome | Promise<Outcome> = () => accepted;

  readerOf(address: string): string | undefined {
    return this.read.has(address) ? 'the-route' : undefined;
  }

  async deliver(envelope: Envelope): Promise<Outcome> {
    this.got.push(envelope);
    return this.answer(envelope);
  }

  texts(): string[] {
    return this.got.map((envelope) => Buffer.from(envelope.body!).toString());
  }
}

/** Answers that are given one by one. */
export class Held {
  readonly waiting: ((outcome: Outcome) => void)[] = [];
  readonly answer = (): Promise<Outcome> => new Promise((resolve) => this.waiting.push(resolve));
  release(outcome: Outcome = accepted): void {
    for (const resolve of this.waiting.splice(0)) resolve(outcome);
  }
}

export interface Bench {
  readonly port: number;
  readonly listener: Endpoint;
  readonly intake: FakeIntake;
  readonly log: ReturnType<typeof keptLog>;
}

/** A listener on a free port, with routes that the test plays. Closed after the test file. */
export async function startListener(over: Partial<z.input<typeof amqpListenerConfig>> = {}): Promise<Bench> {
  const log = keptLog();
  const role = amqp.listener!;
  const config = role.config.parse({ listen: '127.0.0.1:0', ...over });
  const listener = role.create(config, { name: 'amqp-test', log });
  await listener.open();
  after(() => listener.close());
  const intake = new FakeIntake();
  await listener.source.start(intake);
  return { port: Number(listener.status().at.split(':').at(-1)), listener, intake, log };
}

/** A client of another library; closed after the test file. */
export async function connect(port: number, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const connection = rhea.create_container().connect({
    host: '127.0.0.1',
    port,
    username: 'guest',
    reconnect: false,
    ...options,
  } as ConnectionOptions);
  connection.on('error', () => undefined);
  connection.on('protocol_error', () => undefined);
  after(() => connection.close());
  await happens(connection, 'connection_open', ['connection_error', 'disconnected']);
  return connection;
}

/** Waits for one event of an endpoint of rhea, failing on any of the others. */
export function happens(
  of: Connection | Sender | Receiver,
  event: string,
  failures: readonly string[] = [],
): Promise<EventContext> {
  return new Promise((resolve, reject) => {
    of.once(event, (context: EventContext) => resolve(context));
    for (const failure of failures)
      of.once(failure, (context: EventContext) => {
        const error = (of as Sender).error ?? context.error;
        reject(
          Object.assign(new Error(`${failure}: ${JSON.stringify(error)}`), {
            condition: errorOf(of)?.condition,
          }),
        );
      });
  });
}

export const errorOf = (
  of: Connection | Sender | Receiver,
): { condition: string; description: string } | undefined => of.error as never;

/** Opens a sender and waits for its first credit. */
export async function openSender(connection: Connection, options: string | SenderOptions): Promise<Sender> {
  const sender = connection.open_sender(options);
  sender.on('sender_error', () => undefined);
  await happens(sender, 'sendable', ['sender_close']);
  return sender;
}

export async function openReceiver(
  connection: Connection,
  options: string | ReceiverOptions,
): Promise<Receiver> {
  const receiver = connection.open_receiver(options);
  receiver.on('receiver_error', () => undefined);
  await happens(receiver, 'receiver_open', ['receiver_close']);
  return receiver;
}

export interface Told {
  readonly state: string;
  readonly condition?: string | undefined;
  readonly description?: string | undefined;
}

/** Sends, and tells how each delivery ended. */
export class Publisher {
  readonly sender: Sender;
  readonly #waiting = new Map<number, (told: Told) => void>();

  constructor(sender: Sender) {
    this.sender = sender;
    for (const state of ['accepted', 'rejected', 'released', 'modified'])
      sender.on(state, ({ delivery }: EventContext) => {
        const remote = delivery!.remote_state as
          { error?: { condition: string; description: string } } | undefined;
        this.#waiting.get(delivery!.id)?.({
          // rhea calls `modified` both `released` and `modified`
          state: typeOfOutcome(remote) ?? state,
          condition: remote?.error?.condition,
          description: remote?.error?.description,
        });
        this.#waiting.delete(delivery!.id);
      });
  }

  get unanswered(): number {
    return this.#waiting.size;
  }

  send(body: string, over: object = {}): Promise<Told> {
    const delivery = this.sender.send({
      body: rhea.message.data_section(Buffer.from(body)) as object,
      ...over,
    });
    return new Promise((resolve) => this.#waiting.set(delivery.id, resolve));
  }
}

const typeOfOutcome = (outcome: object | undefined): string | undefined =>
  (outcome?.constructor as { composite_type?: string } | undefined)?.composite_type;

/** The bytes of a received message's body, whatever its section. */
export function bodyText(message: { body: unknown } | undefined): string {
  const body = message?.body as { content: Buffer } | Buffer | string;
  return (typeof body === 'object' && 'content' in body ? body.content : body).toString();
}

/** The texts of all that a receiver gets. */
export function collect(receiver: Receiver): string[] {
  const texts: string[] = [];
  receiver.on('message', ({ message }: EventContext) => texts.push(bodyText(message)));
  return texts;
}

/** A peer that speaks no AMQP by itself: writes bytes, keeps what comes. */
export class RawPeer {
  readonly socket: Socket;
  received = Buffer.alloc(0);
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => (this.received = Buffer.concat([this.received, chunk])));
    socket.on('error', () => undefined);
    socket.on('close', () => (this.closed = true));
  }

  static async connect(port: number): Promise<RawPeer> {
    const socket = connectSocket(port, '127.0.0.1');
    await once(socket, 'connect');
    const peer = new RawPeer(socket);
    after(() => socket.destroy());
    return peer;
  }

  write(hex: string): void {
    this.socket.write(Buffer.from(hex.replace(/\s/g, ''), 'hex'));
  }
}
