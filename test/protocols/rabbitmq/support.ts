import amqplib, { type ChannelModel } from 'amqplib';
import type { Intake } from '../../../src/core/protocol.ts';
import { parsePattern } from '../../../src/core/address.ts';
import type { Envelope } from '../../../src/core/envelope.ts';
import { accepted, type Outcome } from '../../../src/core/outcome.ts';
import { rabbitAddress } from '../../../src/protocols/rabbitmq/address.ts';
import type { RabbitClient } from '../../../src/protocols/rabbitmq/client.ts';
import rabbitmq from '../../../src/protocols/rabbitmq/index.ts';
import { keptLog, until } from '../../helpers.ts';

export const ready = (client: RabbitClient): Promise<void> =>
  until(() => client.status().state === 'ready', 'the endpoint is ready', 60_000);

export function makeClient(settings: object, log = keptLog()): RabbitClient {
  const config = rabbitmq.client!.config.parse(settings);
  return rabbitmq.client!.create(config, { name: 'under-test', log }) as RabbitClient;
}

/** Routes that read these queues; `answer` settles what comes. */
export function intakeOf(
  queues: readonly string[],
  answer: (envelope: Envelope) => Outcome | Promise<Outcome> = () => accepted,
): Intake & { readonly taken: Envelope[] } {
  const taken: Envelope[] = [];
  return {
    taken,
    patterns: queues.map((queue) => parsePattern(queue, rabbitAddress)),
    readerOf: () => 'route',
    deliver(envelope) {
      taken.push(envelope);
      return Promise.resolve(answer(envelope));
    },
  };
}

/** amqplib as the other side; it does not outlive `use`. */
export async function withAmqplib<T>(at: string, use: (connection: ChannelModel) => Promise<T>): Promise<T> {
  const connection = await amqplib.connect(`amqp://guest:guest@${at}`);
  connection.on('error', () => undefined);
  try {
    return await use(connection);
  } finally {
    await connection.close().catch(() => undefined);
  }
}
