import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { Connection, Delivery, EventContext, Receiver } from 'rhea';
import type { JunctionError } from '../../../src/core/errors.ts';
import { addressAnnotation } from '../../../src/protocols/amqp/annotations.ts';
import { isPending, message, settleDown, until } from '../../helpers.ts';
import {
  bodyText,
  collect,
  connect,
  errorOf,
  happens,
  openReceiver,
  openSender,
  Publisher,
  startListener,
} from './support.ts';

/** A receiver whose messages the test settles. */
async function openHeld(
  connection: Connection,
  address: string,
  credit = 100,
): Promise<{ receiver: Receiver; got: { text: string; count: number; delivery: Delivery }[] }> {
  const receiver = await openReceiver(connection, {
    source: address,
    autoaccept: false,
    credit_window: 0,
  });
  const got: { text: string; count: number; delivery: Delivery }[] = [];
  receiver.on('message', ({ message, delivery }: EventContext) =>
    got.push({ text: bodyText(message), count: message!.delivery_count ?? 0, delivery: delivery! }),
  );
  receiver.add_credit(credit);
  return { receiver, got };
}

describe('a receiver', { timeout: 60_000 }, () => {
  it('gets what a route sends to a queue, and the route waits for its answer', async () => {
    const { port, listener } = await startListener();
    const { got } = await openHeld(await connect(port), 'orders');
    const sent = [1, 2, 3].map((n) => listener.sink.send(message('elsewhere', n), 'orders'));
    const ends = sent.map((s) => s.then(() => 'sent').catch((error: JunctionError) => error.code));
    await until(() => got.length === 3);
    assert.ok(await isPending(sent[0]!));
    // Out of order and all different: each its own.
    got[2]!.delivery.accept();
    got[1]!.delivery.reject({ condition: 'my:error', description: 'no good' });
    assert.deepEqual(await Promise.all(ends.slice(1)), ['refused', 'sent']);
    await assert.rejects(sent[1]!, /my:error: no good/);
    got[0]!.delivery.accept();
    assert.equal(await ends[0], 'sent');
  });

  it('gets released and modified messages again; only a failed delivery is counted', async () => {
    const { port, listener } = await startListener();
    const { got } = await openHeld(await connect(port), 'orders');
    const sent = listener.sink.send(message('a', 'x'), 'orders');
    await until(() => got.length === 1);
    got[0]!.delivery.release({ delivery_failed: false, undeliverable_here: false });
    await until(() => got.length === 2);
    got[1]!.delivery.release({ delivery_failed: true, undeliverable_here: false });
    await until(() => got.length === 3);
    got[2]!.delivery.release();
    await until(() => got.length === 4);
    assert.deepEqual(
      got.map(({ count }) => count),
      [0, 0, 1, 1],
    );
    got[3]!.delivery.release({ delivery_failed: true, undeliverable_here: true });
    await assert.rejects(sent, (error: JunctionError) => error.code === 'refused');
  });

  it('that goes away leaves its unsettled messages to the next one', async () => {
    const { port, listener } = await startListener();
    const connection = await connect(port);
    const first = await openHeld(connection, 'orders');
    const sent = listener.sink.send(message('a', 'x'), 'orders');
    await until(() => first.got.length === 1);
    first.receiver.close();
    const second = await openHeld(await connect(port), 'orders');
    await until(() => second.got.length === 1);
    assert.equal(second.got[0]!.count, 1);
    second.got[0]!.delivery.accept();
    await sent;
  });

  it('gets no more than its credit, and a drain ends what is left of it', async () => {
    const { port, listener } = await startListener();
    const { receiver, got } = await openHeld(await connect(port), 'orders', 3);
    const sent = Array.from({ length: 5 }, (_, n) => listener.sink.send(message('a', n), 'orders'));
    await until(() => got.length === 3);
    await settleDown();
    assert.equal(got.length, 3);
    receiver.drain = true;
    const drained = happens(receiver, 'receiver_drained');
    receiver.add_credit(10);
    await drained;
    assert.equal(got.length, 5);
    assert.equal((receiver as unknown as { credit: number }).credit, 0);
    for (const { delivery } of got) delivery.accept();
    await Promise.all(sent);
  });

  it('may have messages settled as they are sent', async () => {
    const { port, listener } = await startListener();
    const receiver = await openReceiver(await connect(port), {
      source: 'orders',
      snd_settle_mode: 1,
    } as never);
    const settled: boolean[] = [];
    receiver.on('message', ({ delivery }: EventContext) => settled.push(delivery!.remote_settled));
    await listener.sink.send(message('a', 'x'), 'orders');
    await until(() => settled.length === 1);
    assert.deepEqual(settled, [true]);
  });

  it('of a topic pattern gets all that matches, with the address', async () => {
    const { port, listener, intake } = await startListener({ topics: ['events.#'] });
    const connection = await connect(port);
    const receiver = await openReceiver(connection, 'events.*.x');
    const all = collect(await openReceiver(connection, 'events.#'));
    // What came by AMQP keeps its bare message, which names no address here, and is annotated with it.
    const to: unknown[] = [];
    receiver.on('message', ({ message }: EventContext) =>
      to.push(message!.to ?? message!.message_annotations?.[addressAnnotation]),
    );
    for (const address of ['events.a.x', 'events.b.x', 'events.a.y']) {
      await listener.sink.send(message(address), address);
      const publisher = new Publisher(await openSender(connection, address));
      assert.equal((await publisher.send('2')).state, 'accepted');
    }
    assert.deepEqual(to, ['events.a.x', 'events.a.x', 'events.b.x', 'events.b.x']);
    assert.equal(all.length, 6);
    assert.equal(intake.got.length, 0);
  });

  it('and a sender may have one name in one session', async () => {
    const { port } = await startListener();
    const connection = await connect(port);
    const texts = collect(await openReceiver(connection, { source: 'both', name: 'both' }));
    // rhea looks links up by name alone, so the sender goes on a session of its own; Proton's do not.
    const session = connection.create_session();
    session.begin();
    const sender = session.open_sender({ target: 'both', name: 'both' });
    await happens(sender, 'sendable');
    assert.equal((await new Publisher(sender).send('x')).state, 'accepted');
    assert.deepEqual(texts, ['x']);
  });

  it('of a queue that a route reads is told which', async () => {
    const { port, intake } = await startListener();
    intake.read.add('orders');
    const receiver = (await connect(port)).open_receiver('orders');
    receiver.on('receiver_error', () => undefined);
    await happens(receiver, 'receiver_close');
    assert.equal(errorOf(receiver)?.condition, 'amqp:resource-locked');
    assert.match(errorOf(receiver)!.description, /the-route/);
  });

  it('is refused what does not exist here', async () => {
    const { port } = await startListener({ topics: ['events.#'] });
    const connection = await connect(port);
    const refused = async (source: object): Promise<string> => {
      const receiver = connection.open_receiver({ source } as never);
      receiver.on('receiver_error', () => undefined);
      await happens(receiver, 'receiver_close');
      const { condition, description } = errorOf(receiver)!;
      assert.ok(description.length > 10);
      return condition;
    };
    assert.equal(await refused({ address: 'a', distribution_mode: 'copy' }), 'amqp:not-implemented');
    assert.equal(await refused({ address: 'a', durable: 2, expiry_policy: 'never' }), 'amqp:not-implemented');
    assert.equal(await refused({ address: 'a', capabilities: ['queue', 'shared'] }), 'amqp:invalid-field');
    assert.equal(await refused({ address: 'events.a', capabilities: ['queue'] }), 'amqp:not-allowed');
    assert.equal(await refused({ address: 'a.#', capabilities: ['queue'] }), 'amqp:invalid-field');
    assert.equal(await refused({ address: 'a.#.b' }), 'amqp:invalid-field');
    assert.equal(await refused({ address: 'temp.00000000-0000-4000-8000-000000000000' }), 'amqp:not-found');
  });

  it('may be dynamic: others answer to its address, and only it receives', async () => {
    const { port, intake } = await startListener();
    const connection = await connect(port);
    const receiver = await openReceiver(connection, { source: { dynamic: true } } as never);
    const texts = collect(receiver);
    const { address } = receiver.source;
    assert.match(address, /^temp\./);
    const other = await connect(port);
    const spy = other.open_receiver(address);
    spy.on('receiver_error', () => undefined);
    await happens(spy, 'receiver_close');
    assert.equal(errorOf(spy)?.condition, 'amqp:unauthorized-access');
    const publisher = new Publisher(await openSender(other, address));
    assert.equal((await publisher.send('reply')).state, 'accepted');
    assert.deepEqual(texts, ['reply']);
    connection.close();
    await happens(connection, 'connection_close');
    const late = await publisher.send('late');
    assert.equal(late.condition, 'amqp:not-found');
    assert.equal(intake.got.length, 0);
  });

  it('that does not read delays nobody else, and is cut off when too much waits for it', async () => {
    const { port, log } = await startListener({ topics: ['events'], backlog: 50, grace: '50ms' });
    const stuck = await connect(port);
    const receiver = await openReceiver(stuck, { source: 'events', credit_window: 0 });
    const healthy = collect(await openReceiver(await connect(port), 'events'));
    const publisher = new Publisher(await openSender(await connect(port), 'events'));
    const closed = happens(receiver, 'receiver_close');
    const first = await publisher.send('0');
    assert.equal(first.state, 'accepted'); // after the grace
    for (let n = 1; n < 55; n++) assert.equal((await publisher.send(String(n))).state, 'accepted');
    assert.equal(healthy.length, 55);
    await closed;
    assert.equal(errorOf(receiver)?.condition, 'amqp:resource-limit-exceeded');
    assert.equal(stuck.is_open(), true);
    assert.ok(log.lines.some((line) => line.message.includes('does not settle')));
  });

  it('whose socket is full is not filled further: the rest waits for others, and it goes on once it reads', async () => {
    const { port, listener } = await startListener({ backlog: 1000 });
    const total = 600; // × 64 KiB, several times what the kernel's buffers hold
    const open = async (): Promise<{ socket: Socket; numbers: number[] }> => {
      const connection = await connect(port);
      const receiver = await openReceiver(connection, { source: 'large', credit_window: 1000 });
      const numbers: number[] = [];
      receiver.on('message', (context: EventContext) =>
        numbers.push(Number(bodyText(context.message).slice(0, 4))),
      );
      return { socket: (connection as unknown as { socket: Socket }).socket, numbers };
    };
    const stuck = await open();
    stuck.socket.pause();
    const body = (n: number): string => String(n).padStart(4, '0') + 'x'.repeat(64 * 1024);
    const sent = Array.from({ length: total }, (_, n) => listener.sink.send(message('a', body(n)), 'large'));
    const other = await open();
    await until(() => other.numbers.at(-1) === total - 1);
    stuck.socket.resume();
    await Promise.all(sent);
    const ascending = (numbers: number[]): boolean => numbers.every((n, i) => i === 0 || n > numbers[i - 1]!);
    assert.ok(ascending(stuck.numbers) && ascending(other.numbers));
    assert.equal(new Set([...stuck.numbers, ...other.numbers]).size, total);
    assert.ok(stuck.numbers.length > 0);
  });

  it('does not get what is larger than it takes', async () => {
    const { port, listener } = await startListener();
    const texts = collect(
      await openReceiver(await connect(port), { source: 'orders', max_message_size: 1000 }),
    );
    await assert.rejects(
      listener.sink.send(message('a', 'x'.repeat(2000)), 'orders'),
      (error: JunctionError) => error.code === 'too-large',
    );
    await listener.sink.send(message('a', 'small'), 'orders');
    assert.deepEqual(texts, ['small']);
  });

  it('does not get what has expired', async () => {
    const { port, listener } = await startListener();
    const sent = listener.sink.send(message('a', 'old', { expiresAt: Date.now() - 1 }), 'orders');
    const fresh = listener.sink.send(message('a', 'new', { expiresAt: Date.now() + 60_000 }), 'orders');
    const texts = collect(await openReceiver(await connect(port), 'orders'));
    await assert.rejects(sent, (error: JunctionError) => error.code === 'expired');
    await fresh;
    assert.deepEqual(texts, ['new']);
  });
});
