// AMQP peers that put and see bytes: what a sender wrote, and what a receiver was given, before any library reads it.
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import * as raw from '../protocols/amqp/raw.ts';

/** A promise to be settled from outside. */
function signal<T = void>() {
  let [resolve, reject] = [(_: T): void => undefined, (_: Error): void => undefined];
  const promise = new Promise<T>((done, failed) => ([resolve, reject] = [done, failed]));
  return { promise, resolve: (value: T) => resolve(value), reject: (error: Error) => reject(error) };
}

/** Cuts a stream into protocol headers and frames, and hands each on as rhea reads it. */
export function frameReader(each: (frame: raw.Read) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      if (rest.length < 8) return;
      const size = rest.toString('latin1', 0, 4) === 'AMQP' ? 8 : rest.readUInt32BE(0);
      if (rest.length < size) return;
      const part = rest.subarray(0, size);
      rest = rest.subarray(size);
      for (const frame of raw.readFrames([part])) each(frame);
    }
  };
}

/** Joins the transfers of each delivery, whatever link it is on; an aborted one counts for nothing. */
export function deliveryReader(each: (message: Buffer, id: number) => void): (frame: raw.Read) => void {
  const open = new Map<string, { id: number; parts: Buffer[] }>();
  return ({ name, channel, fields, payload }) => {
    if (name !== 'transfer') return;
    const handle = `${channel} ${Number(fields['handle'])}`;
    const delivery = open.get(handle) ?? { id: Number(fields['delivery_id']), parts: [] };
    if (payload) delivery.parts.push(payload);
    open.set(handle, delivery);
    if (fields['more'] === true && fields['aborted'] !== true) return;
    open.delete(handle);
    if (fields['aborted'] !== true) each(Buffer.concat(delivery.parts), delivery.id);
  };
}

async function dial(port: number, each: (frame: raw.Read) => void): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('data', frameReader(each));
  await once(socket, 'connect');
  return socket;
}

/** Descriptors of the delivery states (§3.4). */
const states = new Map([
  [0x24, 'accepted'],
  [0x25, 'rejected'],
  [0x26, 'released'],
  [0x27, 'modified'],
]);
const accepted = raw.types.described!(raw.types.wrap_ulong!(0x24), raw.types.wrap_list!([]));

/** Sends messages that are given as bytes. */
export class RawSender {
  readonly #socket: Socket;
  readonly #answers = new Map<number, ReturnType<typeof signal<string>>>();
  #next = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Resolves once the link has credit for 100 messages at a time. */
  static async open(port: number, address: string): Promise<RawSender> {
    const waiting = signal();
    const answer = ({ name, fields }: raw.Read): void => {
      if (name === 'flow' && Number(fields['link_credit']) >= 100) waiting.resolve();
      if (name === 'disposition') sender.#settled(fields);
      if (['detach', 'end', 'close'].includes(name)) {
        const error = new Error(`${name} by the gateway: ${JSON.stringify(fields)}`);
        waiting.reject(error);
        sender.#fail(error);
      }
    };
    const socket = await dial(port, answer);
    const sender = new RawSender(socket);
    socket.write(
      Buffer.concat([
        raw.amqpHeader,
        raw.open(),
        raw.begin({ outgoing_window: 0x7fff_ffff }),
        raw.attach('sender', { target: raw.target({ address }) }),
      ]),
    );
    await waiting.promise;
    return sender;
  }

  /** Sends one message, in as many frames as `frame` bytes each make; resolves with the outcome's name. */
  send(message: Buffer, frame = 16_000): Promise<string> {
    const id = this.#next++;
    const answer = signal<string>();
    this.#answers.set(id, answer);
    for (let at = 0; at === 0 || at < message.length; at += frame) {
      const more = at + frame < message.length;
      const tag = Buffer.from(String(id));
      this.#socket.write(
        raw.transfer({ delivery_id: id, delivery_tag: tag, more }, message.subarray(at, at + frame)),
      );
    }
    return answer.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    for (const answer of this.#answers.values()) answer.reject(error);
  }

  #settled(fields: Record<string, unknown>): void {
    const first = Number(fields['first']);
    const state = fields['state'] as { descriptor: { value: number } };
    for (let id = first; id <= Number(fields['last'] ?? first); id++) {
      this.#answers.get(id)?.resolve(states.get(Number(state.descriptor.value)) ?? 'unknown');
      this.#answers.delete(id);
    }
  }
}

/** Receives messages as bytes and accepts each. */
export class RawReceiver {
  readonly messages: Buffer[] = [];
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Resolves once the gateway has answered the attach. */
  static async open(port: number, address: string): Promise<RawReceiver> {
    const waiting = signal();
    const take = deliveryReader((message, id) => {
      receiver.messages.push(message);
      socket.write(
        Buffer.concat([
          raw.frame('disposition', { role: true, first: id, last: id, settled: true, state: accepted }),
          raw.flow({ ...window, handle: 0, delivery_count: receiver.messages.length, link_credit: 1000 }),
        ]),
      );
    });
    const socket = await dial(port, (frame) => {
      if (frame.name === 'attach') waiting.resolve();
      if (['detach', 'end', 'close'].includes(frame.name))
        waiting.reject(new Error(`${frame.name} by the gateway: ${JSON.stringify(frame.fields)}`));
      if (frame.name === 'transfer') window.next_incoming_id++;
      take(frame);
    });
    const window = { next_incoming_id: 0, incoming_window: 0x7fff_ffff };
    const receiver = new RawReceiver(socket);
    socket.write(
      Buffer.concat([
        raw.amqpHeader,
        raw.open(),
        raw.begin({ incoming_window: window.incoming_window }),
        raw.attach('receiver', { source: raw.source({ address }) }),
        raw.flow({ ...window, handle: 0, delivery_count: 0, link_credit: 1000 }),
      ]),
    );
    await waiting.promise;
    return receiver;
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** Passes a client's connections on to the gateway, and keeps the messages that go either way. */
export class Tap {
  /** By the client. */
  readonly sent: Buffer[] = [];
  /** By the gateway. */
  readonly delivered: Buffer[] = [];
  readonly #server: Server;
  readonly #sockets: Set<Socket>;

  private constructor(server: Server, sockets: Set<Socket>) {
    this.#server = server;
    this.#sockets = sockets;
  }

  static async open(port: number): Promise<Tap> {
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const gateway = connect({ port, host: '127.0.0.1' });
      const end = (): void => void (client.destroy(), gateway.destroy());
      client.on('data', frameReader(deliveryReader((message) => tap.sent.push(message))));
      gateway.on('data', frameReader(deliveryReader((message) => tap.delivered.push(message))));
      client.pipe(gateway).pipe(client);
      for (const socket of [client, gateway]) sockets.add(socket.on('error', end));
    });
    const tap = new Tap(server, sockets);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return tap;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }
}
