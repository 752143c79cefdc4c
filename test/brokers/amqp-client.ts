import { once } from 'node:events';
import rhea, { type Connection, type ConnectionOptions, type EventContext } from 'rhea';

/** A connection by AMQP 1.0 that the broker has opened, in rhea's words. */
export async function open(options: ConnectionOptions): Promise<Connection> {
  const connection = rhea.create_container().connect({ host: '127.0.0.1', reconnect: false, ...options });
  await new Promise<void>((resolve, reject) => {
    connection.once('connection_open', () => resolve());
    connection.once('connection_error', ({ error }: EventContext) => reject(error ?? new Error('refused')));
    connection.once('disconnected', ({ error }: EventContext) => reject(error ?? new Error('disconnected')));
  });
  return connection;
}

/** Sends a durable message; resolves once it is accepted. */
export async function send(connection: Connection, address: string, body: string): Promise<void> {
  const sender = connection.open_sender(address);
  await once(sender, 'sendable');
  sender.send({ body, durable: true });
  await once(sender, 'accepted');
}

export async function close(connection: Connection): Promise<void> {
  connection.close();
  await once(connection, 'connection_close');
}

/** The body of the next message, a text; also of one that came as bytes. */
export async function receive(connection: Connection, address: string): Promise<string> {
  const receiver = connection.open_receiver(address);
  const [context] = (await once(receiver, 'message')) as [EventContext];
  const body = context.message?.body as string | { content: Buffer };
  return typeof body === 'string' ? body : body.content.toString();
}
