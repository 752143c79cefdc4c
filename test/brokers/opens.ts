import rhea from 'rhea';
import { type User } from './process.ts';

/** Whether a broker opens an AMQP 1.0 connection, which it does only once it serves. */
export function opensAmqp(port: number, user: User | undefined): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = rhea.create_container().connect({
      host: '127.0.0.1',
      port,
      reconnect: false,
      ...user,
    });
    connection.once('connection_open', () => connection.close());
    connection.once('connection_close', () => resolve(true));
    connection.once('connection_error', () => resolve(false));
    connection.once('disconnected', () => resolve(false));
  });
}
