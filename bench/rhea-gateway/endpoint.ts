import type { Server, Socket } from 'node:net';
import rhea, {
  type Connection,
  type Delivery as RheaDelivery,
  type EventContext,
  type Receiver,
  type Sender,
  type Session,
} from 'rhea';
import type { Consumer, Delivery, Subscription } from '../../src/broker/delivery.ts';
import type { Envelope } from '../../src/core/envelope.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Context, Endpoint, EndpointStatus, Intake } from '../../src/core/protocol.ts';
import type { AmqpListenerConfig } from '../../src/protocols/amqp/config.ts';
import { amqpAddress } from '../../src/protocols/amqp/address.ts';
import { toEnvelope, toMessage } from './mapping.ts';
import { accepted, Exchange, JunctionError } from './product.ts';

/** What rhea has but does not declare. */
interface Outputs {
  output(): void;
  readonly socket: Socket;
}
interface Mechanisms {
  readonly sasl_server_mechanisms: { enable_anonymous(): void };
}
interface Credit {
  readonly credit: number;
}
interface Incoming {
  readonly incoming: { process(session: Session): void };
}

/** An AMQP 1.0 listener on rhea: queues only, no authentication. The rest of the gateway is the product's. */
export class RheaEndpoint implements Endpoint {
  readonly source = {
    start: async (intake: Intake): Promise<void> => this.#exchange.start(intake),
    stop: async (): Promise<void> => this.#exchange.stop(),
  };
  readonly sink = {
    send: async (envelope: Envelope, address: string): Promise<void> => {
      const outcome = await this.#exchange.publish({ ...envelope, address }, 'queue', 'route');
      if (outcome.state !== 'accepted') throw outcome.error;
    },
  };
  readonly #config: AmqpListenerConfig;
  readonly #exchange: InstanceType<typeof Exchange>;
  readonly #container = rhea.create_container({ id: 'junction-on-rhea' });
  readonly #connections = new Set<Connection>();
  readonly #last = new WeakMap<Session, Outcome['state']>();
  #server: Server | undefined;

  constructor(config: AmqpListenerConfig, context: Context) {
    this.#config = config;
    this.#exchange = new Exchange({ ...config, syntax: amqpAddress, log: context.log });
  }

  async open(): Promise<void> {
    const container = this.#container;
    (container as unknown as Mechanisms).sasl_server_mechanisms.enable_anonymous();
    container.on('connection_open', ({ connection }: EventContext) => {
      this.#connections.add(connection);
      coalesceWrites(connection as unknown as Outputs);
    });
    for (const event of ['connection_close', 'disconnected', 'connection_error', 'error', 'protocol_error'])
      container.on(event, ({ connection }: EventContext) => this.#connections.delete(connection));
    container.on('receiver_open', ({ receiver }: EventContext) => this.#sender(receiver!));
    container.on('sender_open', ({ sender }: EventContext) => this.#receiver(sender!));
    container.on('message', (context: EventContext) => this.#message(context));
    const { host, port } = this.#config.listen;
    await new Promise<void>((resolve, reject) => {
      // Credit is granted as messages are settled, not as they come.
      const receiver_options = { autoaccept: false, autosettle: false, credit_window: 0 };
      this.#server = container.listen({ host, port, receiver_options } as never);
      this.#server.once('listening', resolve);
      this.#server.once('error', reject);
    });
  }

  status(): EndpointStatus {
    const { host, port } = this.#config.listen;
    return { state: 'ready', at: `${host}:${port}` };
  }

  async close(): Promise<void> {
    this.#server?.close();
    for (const connection of this.#connections) connection.close();
    this.#exchange.close();
  }

  /** A peer that sends. */
  #sender(receiver: Receiver): void {
    receiver.set_target({ address: receiver.target.address });
    receiver.add_credit(this.#config.window);
  }

  #message({ message, delivery, receiver, session }: EventContext): void {
    const envelope = toEnvelope(message!, receiver!.target.address);
    void this.#exchange
      .publish(envelope, 'queue', 'client')
      .then((outcome) => this.#settle(outcome, delivery!, receiver!, session!));
  }

  /**
   * rhea 3.0.5 writes one disposition for neighbours of different outcomes that are settled in one tick: those
   * before a change have to be written first.
   */
  #settle({ state }: Outcome, delivery: RheaDelivery, receiver: Receiver, session: Session): void {
    if (this.#last.get(session) !== state) {
      (session as unknown as Incoming).incoming.process(session);
      this.#last.set(session, state);
    }
    if (state === 'accepted') delivery.accept();
    else if (state === 'rejected') delivery.reject();
    else delivery.release();
    receiver.add_credit(1);
  }

  /** A peer that receives. */
  #receiver(sender: Sender): void {
    const address = sender.source.address;
    sender.set_source({ address });
    const consumer = new RheaConsumer(sender);
    let subscription: Subscription | undefined;
    const end = (): void => subscription?.cancel();
    for (const event of ['sender_close', 'sender_detached', 'session_close']) sender.on(event, end);
    sender.connection.on('disconnected', end);
    sender.connection.on('connection_close', end);
    sender.on('sendable', () => subscription?.pump());
    // rhea writes transfers before the attach of the same tick.
    setImmediate(() => {
      subscription = this.#exchange.subscribe(address, 'queue', consumer);
      subscription.pump();
    });
  }
}

class RheaConsumer implements Consumer {
  readonly name = 'rhea';
  readonly #sender: Sender;
  readonly #unsettled = new Map<RheaDelivery, Delivery>();

  constructor(sender: Sender) {
    this.#sender = sender;
    sender.on('accepted', ({ delivery }: EventContext) => this.#settle(delivery!, accepted));
    const refused: Outcome = { state: 'rejected', error: new JunctionError('refused', 'rejected') };
    sender.on('rejected', ({ delivery }: EventContext) => this.#settle(delivery!, refused));
    const again: Outcome = { state: 'released', error: new JunctionError('unavailable', 'released') };
    for (const event of ['released', 'modified'])
      sender.on(event, ({ delivery }: EventContext) => this.#settle(delivery!, again));
  }

  credit(): number {
    return this.#sender.sendable() ? (this.#sender as unknown as Credit).credit : 0;
  }

  deliver(delivery: Delivery): void {
    this.#unsettled.set(this.#sender.send(toMessage(delivery.envelope, delivery.deliveryCount)), delivery);
  }

  overflow(): void {
    this.#sender.close();
  }

  #settle(of: RheaDelivery, outcome: Outcome): void {
    const delivery = this.#unsettled.get(of);
    this.#unsettled.delete(of);
    delivery?.settle(outcome);
  }
}

/** rhea writes every frame by itself: here all of one turn of the event loop leave in one system call. */
function coalesceWrites(connection: Outputs): void {
  const output = connection.output.bind(connection);
  const { socket } = connection;
  let corked = false;
  connection.output = () => {
    if (!corked) {
      corked = true;
      socket.cork();
      setImmediate(() => {
        corked = false;
        socket.uncork();
      });
    }
    output();
  };
}
