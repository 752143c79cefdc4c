import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import rhea, { type Connection, type EventContext, type Receiver } from 'rhea';
import { until } from '../helpers.ts';
import { stompClient } from './requests.ts';
import { reloadable } from './support.ts';

const endpoints = (durable: boolean) => `endpoints:
  amqp: { type: amqp, listen: 127.0.0.1:0, durable: ${durable} }
  stomp: { type: stomp, listen: 127.0.0.1:0, durable: ${durable} }
  out: { type: amqp, listen: 127.0.0.1:0 }
store: { path: "\${DATA}" }
routes: [routes.yaml]
`;
const others = `routes:
  - { name: other, from: { endpoint: amqp, address: other }, to: [{ endpoint: out, address: other }] }
`;
const reading = `${others}
  - { name: takes-amqp, from: { endpoint: amqp, address: jobs }, to: [{ endpoint: out, address: from.amqp }] }
  - { name: takes-stomp, from: { endpoint: stomp, address: /queue/jobs }, to: [{ endpoint: out, address: from.stomp }] }
`;

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

async function amqpClient(port: number): Promise<Connection> {
  const connection = rhea.create_container().connect({ host: '127.0.0.1', port, reconnect: false });
  connection.on('error', () => undefined);
  connection.on('disconnected', () => undefined);
  await once(connection, 'connection_open');
  return connection;
}

/** The numbers that come to a receiver, in order. */
function numbersTo(receiver: Receiver): number[] {
  const numbers: number[] = [];
  receiver.on('message', ({ message }: EventContext) => {
    const body = message!.body as string | { content: Buffer };
    numbers.push(Number(typeof body === 'string' ? body : body.content.toString()));
  });
  return numbers;
}

describe('a queue that a route reads after a reload', { timeout: 120_000 }, () => {
  for (const durable of [false, true])
    it(`goes to the route, ${durable ? 'stored' : 'in memory'}, and its consumers are told why they end`, async (t) => {
      const running = await reloadable(t, endpoints(durable), { 'routes.yaml': others });
      const target = await amqpClient(running.port('out'));
      t.after(() => target.close());
      const came = {
        amqp: numbersTo(target.open_receiver('from.amqp')),
        stomp: numbersTo(target.open_receiver('from.stomp')),
      };

      const consumer = await amqpClient(running.port('amqp'));
      t.after(() => consumer.close());
      const receiver = consumer.open_receiver({
        source: { address: 'jobs' },
        credit_window: 0,
        autoaccept: false,
      });
      const seen = numbersTo(receiver);
      const detached = once(receiver, 'receiver_close');
      await once(receiver, 'receiver_open');
      receiver.add_credit(3);
      const reader = await stompClient(running.port('stomp'));
      const read: string[] = [];
      const failed = new Promise<Error>((resolve) => reader.on('error', resolve));
      let heard = ''; // stompit keeps the body of an ERROR to itself
      reader.getTransportSocket().on('data', (chunk: Buffer) => (heard += chunk.toString()));
      reader.subscribe({ destination: '/queue/jobs', ack: 'client-individual' }, (error, message) => {
        if (error) return;
        message.on('data', (chunk: Buffer) => void read.push(chunk.toString()));
      });

      const producer = await amqpClient(running.port('amqp'));
      t.after(() => producer.close());
      let accepted = 0;
      let refused = 0;
      const sender = producer.open_sender('jobs');
      sender.on('accepted', () => accepted++);
      for (const state of ['rejected', 'released', 'modified']) sender.on(state, () => refused++);
      await once(sender, 'sendable');
      const writer = await stompClient(running.port('stomp'));
      t.after(() => writer.destroy());
      const receipts: Promise<void>[] = [];
      const send = (from: number, to: number): void => {
        for (const n of range(from, to)) {
          sender.send({ body: String(n) });
          receipts.push(
            new Promise((resolve) => {
              const frame = writer.send({ destination: '/queue/jobs' }, { onReceipt: () => resolve() });
              frame.end(String(n));
            }),
          );
        }
      };
      send(1, 40);
      await until(() => seen.length === 3 && read.length > 0, 'the consumers have some');
      if (durable) {
        await until(() => accepted === 40, 'all is stored');
        await Promise.all(receipts);
      }

      await running.put('routes.yaml', reading);
      assert.equal((await running.reload()).state, 'reloaded');
      send(41, 60);
      await detached;
      const { error: why } = receiver as unknown as { error: { condition: string; description: string } };
      assert.equal(why.condition, 'amqp:resource-locked');
      assert.match(why.description, /queue jobs is consumed by route "takes-amqp"/);
      await failed;
      assert.match(heard, /ERROR\n[^\0]*queue \/queue\/jobs is consumed by route "takes-stomp"/);
      assert.equal(consumer.is_open(), true, 'an AMQP connection has other links');

      for (const numbers of Object.values(came))
        await until(() => numbers.length >= 60, 'all has come to the target');
      await until(() => accepted === 60, 'each sender is told');
      await Promise.all(receipts);
      assert.deepEqual(came, { amqp: range(1, 60), stomp: range(1, 60) });
      assert.equal(refused, 0);
    });
});
