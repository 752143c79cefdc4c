import mqtt, { type MqttClient } from 'mqtt';
import rhea, { type Connection, type EventContext } from 'rhea';
import { setImmediate as nextTick } from 'node:timers/promises';
import { keys } from './plan.ts';

/** What came of the messages of all keys, each numbered from 0. */
export interface Tally {
  sent: number;
  received: number;
  doubled: number;
  reordered: number;
}

const flows = [
  { from: 'in', to: 'out' },
  { from: 'kept', to: 'kept' },
] as const;

/** Sends numbered messages of every key by MQTT, QoS 1, and receives them by AMQP, until it is told to end. */
export class Load {
  readonly tally: Tally = { sent: 0, received: 0, doubled: 0, reordered: 0 };
  readonly #publisher: MqttClient;
  readonly #consumer: Connection;
  readonly #next = new Map<string, number>();
  readonly #last = new Map<string, number>();
  readonly #seen = new Map<string, Set<number>>();
  #waiting = 0;
  #running = true;
  #sending: Promise<void> | undefined;
  /** How often the publisher has lost its connection. */
  disconnects = 0;

  constructor(publisher: MqttClient, consumer: Connection) {
    this.#publisher = publisher;
    this.#consumer = consumer;
    publisher.on('close', () => this.disconnects++);
    consumer.on('message', ({ message, receiver }: EventContext) => {
      const body = (message!.body as { content: Buffer }).content;
      this.#received(String(receiver!.source.address), Number(body.toString()));
    });
  }

  static async begin(ports: { mqtt: number; out: number }): Promise<Load> {
    const consumer = rhea.create_container().connect({
      host: '127.0.0.1',
      port: ports.out,
      initial_reconnect_delay: 5,
      max_reconnect_delay: 20,
    });
    consumer.on('disconnected', () => undefined);
    consumer.on('connection_error', () => undefined);
    consumer.on('connection_close', () => undefined);
    consumer.on('error', () => undefined);
    consumer.setMaxListeners(0);
    await Promise.all(
      flows.flatMap(({ to }) =>
        keys.map((key) => {
          const receiver = consumer.open_receiver({
            source: { address: `${to}.${key}` },
            credit_window: 50,
          });
          return new Promise((resolve) => receiver.once('receiver_open', resolve));
        }),
      ),
    );
    const publisher = await mqtt.connectAsync({
      host: '127.0.0.1',
      port: ports.mqtt,
      protocolVersion: 4,
      clientId: 'reloads',
      reconnectPeriod: 50,
    });
    publisher.on('error', () => undefined);
    const load = new Load(publisher, consumer);
    load.#sending = load.#send();
    return load;
  }

  /** How many were acknowledged to the publisher and have not come. */
  get lost(): number {
    return this.tally.sent - this.tally.received;
  }

  get outstanding(): number {
    return this.#waiting;
  }

  /** Sends no more; resolves once all that was sent is acknowledged. */
  async finish(): Promise<void> {
    this.#running = false;
    await this.#sending;
  }

  async close(): Promise<void> {
    await this.#publisher.endAsync(true);
    this.#consumer.options.reconnect = false;
    (this.#consumer as unknown as { set_reconnect?(on: boolean): void }).set_reconnect?.(false);
    const closed = new Promise((resolve) => {
      for (const end of ['connection_close', 'disconnected']) this.#consumer.once(end, resolve);
    });
    this.#consumer.close();
    await closed;
  }

  async #send(): Promise<void> {
    for (let n = 0; this.#running; n++) {
      const { from } = flows[n % flows.length]!;
      const key = keys[Math.floor(n / flows.length) % keys.length]!;
      const topic = `${from}/${key}`;
      const number = this.#next.get(topic) ?? 0;
      this.#next.set(topic, number + 1);
      this.#waiting++;
      this.#publisher.publish(topic, String(number), { qos: 1 }, (error) => {
        this.#waiting--;
        if (!error) this.tally.sent++;
      });
      while (this.#waiting >= 64 || (this.#running && n % 16 === 15 && (await nextTick(false))))
        await nextTick();
      await nextTick();
    }
    while (this.#waiting > 0) await nextTick();
  }

  #received(address: string, number: number): void {
    let seen = this.#seen.get(address);
    if (!seen) this.#seen.set(address, (seen = new Set()));
    if (seen.has(number)) {
      this.tally.doubled++;
      return;
    }
    seen.add(number);
    this.tally.received++;
    const last = this.#last.get(address) ?? -1;
    if (number < last) this.tally.reordered++;
    else this.#last.set(address, number);
    // Numbers before an unbroken run need not be remembered one by one.
    if (seen.size > 10_000) for (const old of seen) if (old < number - 5_000) seen.delete(old);
  }
}
