import mqtt from 'mqtt';
import rhea, { type Delivery, type EventContext, type Sender as Link } from 'rhea';
import { Client } from '@stomp/stompjs';
import { overTcp } from '../contract/harness/stomp-js.ts';
import type { Answer, Sender } from './load.ts';
import type { Reading } from './path.ts';

/** Signs of life after so many ms, so that a line that is half open does not go unnoticed for long. */
const life = 2000;

/** A mqtt.js client that publishes to topics that end with the key. */
export async function mqttSender(port: number, version: 4 | 5, qos: 1 | 2, prefix: string): Promise<Sender> {
  const client = mqtt.connect({
    host: '127.0.0.1',
    port,
    protocolVersion: version,
    keepalive: life / 1000,
    reconnectPeriod: 0,
    connectTimeout: 3000,
  });
  client.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => client.once('close', resolve));
  const open = new Promise<void>((resolve) => client.once('connect', () => resolve()));
  const sender: Sender = {
    closed,
    close: () => void client.end(true),
    publish: (key, body) =>
      new Promise((resolve) =>
        client.publish(prefix + key, body, { qos }, (error) =>
          // mqtt.js tells of a PUBACK that refuses by an error, and of a lost connection by another
          resolve(!error ? 'accepted' : error.message.includes('Publish error') ? 'refused' : 'closed'),
        ),
      ),
  };
  if (await Promise.race([open.then(() => true), closed.then(() => false)])) return sender;
  throw new Error('not connected');
}

async function openAmqp(port: number) {
  const connection = rhea.create_container().connect({
    host: '127.0.0.1',
    port,
    username: 'guest',
    reconnect: false,
    idle_time_out: life,
  });
  connection.setMaxListeners(0);
  connection.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => {
    for (const end of ['connection_close', 'disconnected']) connection.once(end, () => resolve());
  });
  const open = new Promise<boolean>((resolve) => connection.once('connection_open', () => resolve(true)));
  // A silent connection rhea ends by itself, also before it is open; but not one that was told to close before.
  if (!(await Promise.race([open, closed.then(() => false)]))) throw new Error('not connected');
  return { connection, closed };
}

/** A rhea client that publishes to addresses that end with the key, durable messages. */
export async function amqpSender(port: number, prefix: string): Promise<Sender> {
  const { connection, closed } = await openAmqp(port);
  const told = new Map<Delivery, (answer: Answer) => void>();
  const links = new Map<string, Link>();
  const waiting: { readonly link: Link; send(): void }[] = [];
  const flush = (): void => {
    for (const each of waiting.splice(0))
      if (each.link.sendable()) each.send();
      else waiting.push(each);
  };
  for (const state of ['accepted', 'rejected', 'released', 'modified'])
    connection.on(state, ({ delivery }: EventContext) => {
      told.get(delivery!)?.(state === 'accepted' ? 'accepted' : 'refused');
      told.delete(delivery!);
    });
  connection.on('sendable', flush);
  connection.on('sender_error', () => connection.close());
  return {
    closed,
    close: () => connection.close(),
    publish(key, body) {
      let link = links.get(key);
      if (!link) links.set(key, (link = connection.open_sender({ target: { address: prefix + key } })));
      return new Promise((resolve) => {
        const send = (): void => {
          const message = { durable: true, body: rhea.message.data_section(body) as unknown };
          told.set(link.send(message), resolve);
        };
        if (link.sendable()) send();
        else waiting.push({ link, send });
      });
    },
  };
}

/**
 * A rhea client that takes what comes to an address, and comes back when its connection ends, until it is closed.
 * @param most bytes of the largest body that it takes; it rejects others
 */
export function amqpReader(
  port: number,
  address: string,
  take: (body: string) => void,
  most = Infinity,
): Reading {
  let over = false;
  let end: (() => void) | undefined;
  const run = async (): Promise<void> => {
    while (!over) {
      const link = await openAmqp(port).catch(() => undefined);
      if (link) {
        const { connection, closed } = link;
        end = () => connection.close();
        connection.open_receiver({ source: { address }, credit_window: 50, autoaccept: false });
        connection.on('message', ({ message, delivery }: EventContext) => {
          const body = textOf(message!.body);
          if (body.length > most) {
            // In a turn of its own: of two neighbours rhea gives the second one the outcome of the first.
            setImmediate(() => delivery!.reject({ condition: 'amqp:not-allowed' }));
            return;
          }
          take(body);
          delivery!.accept();
        });
        await closed;
      }
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };
  const running = run();
  return {
    async close() {
      over = true;
      end?.();
      await running;
    },
  };
}

const textOf = (body: unknown): string =>
  String((body as { content?: Buffer } | null)?.content ?? (body as Buffer | null) ?? '');

/** A @stomp/stompjs client that publishes to destinations that end with the key, with receipts. */
export async function stompSender(port: number, prefix: string): Promise<Sender> {
  let receipts = 0;
  const client = new Client({
    webSocketFactory: () => overTcp(port),
    connectHeaders: { host: '/' },
    reconnectDelay: 0,
    heartbeatIncoming: life,
    heartbeatOutgoing: life,
    connectionTimeout: 3000,
  });
  const closed = new Promise<void>((resolve) => (client.onWebSocketClose = () => resolve()));
  const open = new Promise<void>((resolve) => (client.onConnect = () => resolve()));
  client.activate();
  const sender: Sender = {
    closed,
    close: () => client.deactivate({ force: true }),
    publish: (key, body) =>
      new Promise((resolve) => {
        const receipt = `r${++receipts}`;
        client.watchForReceipt(receipt, () => resolve('accepted'));
        client.publish({
          destination: prefix + key,
          binaryBody: body,
          headers: { persistent: 'true', receipt },
        });
      }),
  };
  if (await Promise.race([open.then(() => true), closed.then(() => false)])) return sender;
  await client.deactivate({ force: true });
  throw new Error('not connected');
}
