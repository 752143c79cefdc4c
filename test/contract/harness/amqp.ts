import rhea, { type Connection, type Delivery, type EventContext, type Receiver, type Sender } from 'rhea';
import amqp from '../../../src/protocols/amqp/index.ts';
import type { Answer, Inbox, ListenerHarness, Peer, PeerMessage } from '../contract.ts';
import { cleanup, listenerBench } from './listener-bench.ts';

const opened = <T extends Sender | Receiver>(link: T, event: string): Promise<T> =>
  new Promise((resolve, reject) => {
    link.once(event, () => resolve(link));
    link.connection.once('disconnected', () => reject(new Error('disconnected')));
  });

/** @param durable whether it asks for its messages to outlive the restart of a broker */
export async function connectAmqp(port: number, durable = false): Promise<Peer> {
  const connection: Connection = rhea.create_container().connect({
    host: '127.0.0.1',
    port,
    username: 'guest',
    reconnect: false,
  });
  connection.setMaxListeners(0); // every link listens for its end
  connection.on('error', () => undefined);
  await new Promise<void>((resolve, reject) => {
    connection.once('connection_open', () => resolve());
    connection.once('disconnected', (context: EventContext) =>
      reject(context.error ?? new Error('disconnected')),
    );
  });
  const closed = new Promise<Answer>((resolve) => {
    // rhea tells the end of a connection that was closed in words by the one, any other by the other
    for (const end of ['connection_close', 'disconnected']) connection.once(end, () => resolve('closed'));
  });
  const senders = new Map<string, Promise<Sender>>();
  const told = new Map<Delivery, (answer: Answer) => void>();
  const waiting: { address: string; send(): void }[] = [];

  return {
    close: cleanup(async () => {
      connection.close();
      await closed;
    }),
    async publish(address, message) {
      let opening = senders.get(address);
      if (!opening) {
        opening = opened(connection.open_sender({ target: { address } }), 'sendable');
        senders.set(address, opening);
        const sender = await opening;
        for (const state of ['accepted', 'rejected', 'released', 'modified'])
          sender.on(state, ({ delivery }: EventContext) => {
            told.get(delivery!)?.(state === 'accepted' ? 'accepted' : 'refused');
            told.delete(delivery!);
          });
        sender.on('sendable', () => {
          while (sender.sendable() && waiting.length > 0) waiting.shift()!.send();
        });
      }
      const sender = await opening;
      const answer = new Promise<Answer>((resolve) => {
        const send = (): void => {
          const delivery = sender.send({
            durable,
            body: rhea.message.data_section(message.body) as unknown,
            content_type: message.contentType,
            correlation_id: message.correlationId,
            reply_to: message.replyTo,
            application_properties: Object.fromEntries(message.headers ?? []),
          });
          told.set(delivery, resolve);
        };
        if (sender.sendable() && waiting.length === 0) send();
        else waiting.push({ address, send });
      });
      return Promise.race([answer, closed]);
    },
    async subscribe(address, { hold } = {}): Promise<Inbox> {
      const messages: PeerMessage[] = [];
      const held: (() => void)[] = [];
      const receiver = connection.open_receiver({
        source: { address },
        credit_window: 100,
        autoaccept: !hold,
      });
      receiver.on('message', ({ message, delivery }: EventContext) => {
        const body = message!.body as { content?: Buffer };
        messages.push({
          body: body?.content ?? Buffer.alloc(0),
          headers: Object.entries((message!.application_properties ?? {}) as Record<string, string>),
          contentType: message!.content_type,
          correlationId: message!.correlation_id === undefined ? undefined : String(message!.correlation_id),
          replyTo: message!.reply_to,
        });
        if (hold) held.push(() => delivery!.accept());
      });
      await opened(receiver, 'receiver_open');
      return { messages, confirm: () => held.splice(0).forEach((confirm) => confirm()) };
    },
  };
}

export const amqpHarness: ListenerHarness = {
  name: 'the AMQP 1.0 listener, with a rhea client',
  protocol: 'amqp',
  role: 'listener',
  traits: amqp.listener!.traits,
  skip: false,
  address: (word) => `contract.${word}`,
  largest: 1024 * 1024,
  peerLacks: [],
  refusal: 'refused',
  malformed: Buffer.from('AMQP\x00\x01\x00\x00\xff\xff\xff\xff\x02\x00\x00\x00'),
  create: ({ window }) =>
    listenerBench(amqp, { listen: '127.0.0.1:0', window, topics: ['contract.#'] }, connectAmqp),
};
