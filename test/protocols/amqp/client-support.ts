import { after } from 'node:test';
import rhea, { type Connection, type EventContext, type Receiver, type Sender, type Source } from 'rhea';
import { accepted } from '../../../src/core/outcome.ts';
import type { Endpoint } from '../../../src/core/protocol.ts';
import { amqpAddress } from '../../../src/protocols/amqp/address.ts';
import amqp from '../../../src/protocols/amqp/index.ts';
import { HeldIntake } from '../../contract/intake.ts';
import { keptLog, textOf, until, type LogLine } from '../../helpers.ts';

export interface Client {
  readonly endpoint: Endpoint;
  readonly log: { readonly lines: readonly LogLine[] };
  readonly intake: HeldIntake;
  texts(): string[];
}

let serial = 0;
const clients: Client[] = [];
after(() => Promise.all(clients.map(({ endpoint }) => endpoint.close())));

/** A client under test, opened, with a route that accepts all it reads. */
export async function openClient(
  settings: object,
  reads: readonly string[] = [],
  state: 'ready' | 'failing' | 'any' = 'ready',
): Promise<Client> {
  const log = keptLog();
  const config = amqp.client!.config.parse({ container_id: `client-${process.pid}-${serial}`, ...settings });
  const endpoint = amqp.client!.create(config, { name: `client-${serial++}`, log });
  const intake = new HeldIntake(amqpAddress, ...reads);
  intake.answer = () => accepted;
  const texts = (): string[] => intake.taken.map(({ body }) => textOf(body));
  const client: Client = { endpoint, log, intake, texts };
  clients.push(client);
  await endpoint.open();
  await endpoint.source.start(intake);
  if (state !== 'any')
    await until(
      () => endpoint.status().state === state,
      `the client is ${state}, not ${JSON.stringify(endpoint.status())}`,
    );
  return client;
}

/** The same as a rhea client: an independent peer at the broker. */
export async function openPeer(port: number, options: object = {}): Promise<Connection> {
  const connection = rhea.create_container().connect({
    host: '127.0.0.1',
    port,
    username: 'admin',
    password: 'admin',
    reconnect: false,
    ...options,
  });
  connection.on('error', () => undefined);
  connection.on('disconnected', () => undefined);
  await new Promise((resolve) => connection.once('connection_open', resolve));
  after(() => connection.close());
  return connection;
}

/** Sends texts one after the other; resolves once all are accepted. */
export async function sendAll(peer: Connection, target: object, bodies: readonly string[]): Promise<void> {
  const sender: Sender = peer.open_sender({ target });
  let sent = 0;
  let taken = 0;
  const more = (): void => {
    while (sender.sendable() && sent < bodies.length)
      sender.send({
        body: rhea.message.data_section(Buffer.from(bodies[sent++]!)) as unknown,
        durable: true,
      });
  };
  sender.on('sendable', more);
  await new Promise<void>((resolve, reject) => {
    sender.on('accepted', () => ++taken === bodies.length && resolve());
    sender.on('rejected', () => reject(new Error('rejected')));
    sender.on('sender_error', ({ sender: failed }: EventContext) => reject(failed?.error as Error));
  });
  sender.close();
}

/** What comes to a peer, as texts; resolves once the link stands. */
export async function receiveAll(peer: Connection, source: Source): Promise<string[]> {
  const got: string[] = [];
  const receiver: Receiver = peer.open_receiver({ source, credit_window: 200 });
  receiver.on('message', ({ message }: EventContext) => {
    const body = message!.body as string | { content: Buffer };
    got.push(typeof body === 'string' ? body : String(body.content));
  });
  await new Promise((resolve) => receiver.once('receiver_open', resolve));
  return got;
}
