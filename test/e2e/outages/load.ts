import { once } from 'node:events';
import rhea, { type EventContext } from 'rhea';
import type { Peer } from '../../contract/contract.ts';

export const numbers = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}-${n}`);

/**
 * Publishes bodies through several peers, each with so many outstanding, and again what was not accepted, until all
 * have been.
 * @param connect a new connection, also in place of one that was closed; with the address to publish to
 */
export async function publishAll(
  bodies: readonly string[],
  outstanding: number,
  connect: readonly (() => Promise<{ readonly peer: Peer; readonly address: string }>)[],
  accepted: Set<string>,
): Promise<void> {
  const open = [...bodies];
  const lane = async (dial: (typeof connect)[number]): Promise<void> => {
    let connection = dial();
    const sender = async (): Promise<void> => {
      for (let body = open.shift(); body !== undefined; body = open.shift()) {
        const used = connection;
        const { peer, address } = await used;
        const answer = await peer.publish(address, { body: Buffer.from(body) });
        if (answer === 'accepted') accepted.add(body);
        else open.push(body);
        if (answer === 'closed' && used === connection) connection = dial();
      }
    };
    await Promise.all(Array.from({ length: outstanding }, sender));
    await (await connection).peer.close();
  };
  await Promise.all(connect.map(lane));
}

export interface Consumer {
  readonly bodies: readonly string[];
  close(): Promise<void>;
}

/** Reads an address of the AMQP listener and accepts what comes, no faster than `rate` messages in 10 ms. */
export async function consume(port: number, address: string, rate: number): Promise<Consumer> {
  const connection = rhea
    .create_container()
    .connect({ host: '127.0.0.1', port, username: 'guest', reconnect: false });
  const receiver = connection.open_receiver({ source: { address }, credit_window: 0, autoaccept: true });
  const bodies: string[] = [];
  receiver.on('message', ({ message }: EventContext) => {
    bodies.push(String((message!.body as { content: Buffer }).content));
  });
  await once(receiver, 'receiver_open');
  let granted = 0;
  const pace = setInterval(() => {
    const more = bodies.length + rate - granted;
    granted += more;
    if (more > 0) receiver.add_credit(more);
  }, 10).unref();
  return {
    bodies,
    async close() {
      clearInterval(pace);
      connection.close();
      await once(connection, 'connection_close');
    },
  };
}
