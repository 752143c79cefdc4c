import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { EventContext, Receiver, Sender } from 'rhea';
import { readMessage } from '../../../../src/protocols/amqp/codec/message-view.ts';
import { writeMessage } from '../../../../src/protocols/amqp/codec/message-writer.ts';
import type { DeliveryOutcome, OutgoingLink } from '../../../../src/protocols/amqp/engine/api.ts';
import { event, until, withRhea, type Loopback } from './peer.ts';

let loopback: Loopback | undefined;
afterEach(async () => {
  await loopback?.close();
  loopback = undefined;
});

const text = (body: string): Buffer => writeMessage({ body: { kind: 'string', bytes: Buffer.from(body) } });

describe('the engine with rhea as its client', () => {
  it('takes messages and accepts them', async () => {
    loopback = await withRhea();
    const sender = loopback.client.open_sender('queue');
    await event(sender, 'sendable');
    sender.send({ body: 'hello', message_id: 'm1', application_properties: { n: 1 } });
    await event(sender, 'accepted');
    const owner = loopback.owners[0]!;
    const message = readMessage(owner.deliveries[0]!.bytes);
    assert.equal(owner.incoming[0]!.target?.address, 'queue');
    assert.equal(message.properties.messageId, 'm1');
    assert.deepEqual(message.body, { kind: 'string', bytes: Buffer.from('hello') });
    assert.deepEqual(message.applicationProperties, [['n', 1, 'uint']]);
  });

  it('keeps the outcomes of deliveries that are settled in one tick apart', async () => {
    const outcomes: DeliveryOutcome[] = [
      { state: 'accepted' },
      { state: 'rejected', error: { condition: 'amqp:not-found', description: 'nobody there' } },
      { state: 'released' },
      { state: 'modified', deliveryFailed: true, undeliverableHere: true },
      { state: 'accepted' },
    ];
    loopback = await withRhea({
      onTransfer() {
        const { deliveries } = loopback!.owners[0]!;
        if (deliveries.length === outcomes.length) deliveries.forEach((d, i) => d.settle(outcomes[i]!));
      },
    });
    const sender = loopback.client.open_sender('queue');
    const seen: string[] = [];
    for (const name of ['accepted', 'rejected', 'released', 'modified'])
      sender.on(name, (context: EventContext) => {
        const { tag, remote_state } = context.delivery as unknown as {
          tag: Buffer;
          remote_state: { error?: { condition: string } };
        };
        seen.push(`${tag.toString()} ${name}${remote_state.error ? ` ${remote_state.error.condition}` : ''}`);
      });
    await event(sender, 'sendable');
    outcomes.forEach((_, i) => sender.send({ body: `${i}` }, `t${i}`));
    await until(() => seen.some((line) => line.startsWith('t4')), 'all outcomes');
    assert.deepEqual(seen.sort(), [
      't0 accepted',
      't1 rejected amqp:not-found',
      't2 released',
      't3 modified',
      't3 released', // rhea's event for both
      't4 accepted',
    ]);
  });

  it('settles out of order, and one unsettled delivery holds nothing up', async () => {
    loopback = await withRhea({
      window: 5_000,
      onTransfer(delivery) {
        if (loopback!.owners[0]!.deliveries.length > 1) delivery.settle({ state: 'accepted' });
      },
    });
    const sender = loopback.client.open_sender('queue');
    let accepted = 0;
    sender.on('accepted', () => accepted++);
    await event(sender, 'sendable');
    for (let i = 0; i < 2_000; i++) sender.send({ body: i });
    await until(() => accepted === 1_999, 'all but the first');
    loopback.owners[0]!.deliveries[0]!.settle({ state: 'accepted' });
    await until(() => accepted === 2_000, 'the first');
  });

  it('grants no more than its window, and again as deliveries are settled', async () => {
    loopback = await withRhea({ window: 10, onTransfer: () => undefined });
    const sender = loopback.client.open_sender('queue');
    let sent = 0;
    const pump = (): void => {
      while (sender.sendable() && sent < 30) sender.send({ body: sent++ });
    };
    sender.on('sendable', pump);
    const owner = (): Loopback['owners'][0] => loopback!.owners[0]!;
    await until(() => owner()?.deliveries.length === 10, 'the first window');
    assert.equal((sender as unknown as { credit: number }).credit, 0);
    for (let i = 0; i < 30; i++) {
      await until(() => owner().deliveries.length > i, `delivery ${i}`);
      assert.ok(owner().deliveries.length <= i + 10);
      owner().deliveries[i]!.settle({ state: 'accepted' });
    }
    assert.equal(sent, 30);
  });

  it('sends within credit and hears each outcome', async () => {
    const heard: string[] = [];
    let next = 0;
    loopback = await withRhea({
      onCredit(link) {
        while (link.credit > 0 && next < 4) {
          const n = next++;
          link.send(text(`m${n}`), (outcome) => heard.push(`m${n} ${outcome.state}`));
        }
      },
    });
    const receiver = loopback.client.open_receiver({ source: 'topic', credit_window: 0, autoaccept: false });
    const got: string[] = [];
    receiver.on('message', ({ message, delivery }: EventContext) => {
      got.push(message!.body as string);
      if (got.length === 1) delivery!.accept();
      else if (got.length === 2) delivery!.reject({ condition: 'amqp:internal-error', description: 'no' });
      else if (got.length === 3) delivery!.release();
      else delivery!.modified({ delivery_failed: true, undeliverable_here: false });
    });
    await event(receiver, 'receiver_open');
    for (let i = 1; i <= 4; i++) {
      receiver.add_credit(1);
      await until(() => heard.length === i, `outcome ${i}`);
    }
    assert.deepEqual(got, ['m0', 'm1', 'm2', 'm3']);
    assert.deepEqual(heard, ['m0 accepted', 'm1 rejected', 'm2 released', 'm3 modified']);
  });

  it('completes a drain with what is available', async () => {
    let available = 3;
    loopback = await withRhea({
      onCredit(link) {
        while (link.credit > 0 && available > 0) link.send(text(`${available--}`), () => undefined);
      },
    });
    const receiver = loopback.client.open_receiver({ source: 'q', credit_window: 0 });
    let got = 0;
    receiver.on('message', () => got++);
    await event(receiver, 'receiver_open');
    const drained = event(receiver, 'receiver_drained');
    receiver.add_credit(10);
    receiver.drain_credit();
    await drained;
    assert.equal(got, 3);
    assert.equal((receiver as unknown as { credit: number }).credit, 0);
    available = 1;
    receiver.drain = false;
    receiver.add_credit(1);
    await until(() => got === 4, 'credit works again after a drain');
  });

  it('cuts messages into the frames that the peer takes, both ways', async () => {
    const body = 'x'.repeat(100_000);
    let link: OutgoingLink | undefined;
    loopback = await withRhea(
      { onCredit: (l) => void (link = l) },
      { maxFrameSize: 1_024 },
      { max_frame_size: 512 },
    );
    const receiver = loopback.client.open_receiver('q');
    const sender = loopback.client.open_sender('q');
    await event(sender, 'sendable');
    sender.send({ body });
    await event(sender, 'accepted');
    assert.equal(readMessage(loopback.owners[0]!.deliveries[0]!.bytes).body.bytes.toString(), body);
    await until(() => link !== undefined, 'credit');
    const got = event(receiver, 'message');
    const settled = new Promise((resolve) => link!.send(text(body), resolve));
    assert.equal((await got).message!.body, body);
    assert.deepEqual(await settled, { state: 'accepted' });
  });

  it('keeps a sender and a receiver of one name apart', async () => {
    loopback = await withRhea({
      onTransfer(delivery) {
        loopback!.owners[0]!.outgoing[0]!.send(Buffer.from(delivery.bytes), (outcome) =>
          delivery.settle(outcome),
        );
      },
    });
    // rhea itself keys links by name within a session, so the two have a session each; raw.test.ts has one for both.
    const receiver: Receiver = loopback.client.open_receiver({ name: 'one', source: 'q' });
    await event(receiver, 'receiver_open');
    await until(() => (loopback!.owners[0]!.outgoing[0]?.credit ?? 0) > 0, 'credit');
    const session = loopback.client.create_session();
    session.begin();
    const sender: Sender = session.open_sender({ name: 'one', target: 'q' });
    await event(sender, 'sendable');
    const got = event(receiver, 'message');
    sender.send({ body: 'echo' });
    await event(sender, 'accepted');
    assert.equal((await got).message!.body, 'echo');
  });

  it('refuses an attach with its error', async () => {
    loopback = await withRhea({
      onIncomingLink: (link) => link.refuse({ condition: 'amqp:not-found', description: 'no such address' }),
    });
    const sender = loopback.client.open_sender('nowhere');
    const { sender: failed } = await event(sender, 'sender_error');
    assert.equal((failed!.error as unknown as { condition: string }).condition, 'amqp:not-found');
  });

  it('tells the owner when the peer detaches, and refuses deliveries settled too late in silence', async () => {
    const ends: boolean[] = [];
    loopback = await withRhea({ onTransfer: () => undefined, onLinkEnd: (_, closed) => ends.push(closed) });
    const sender = loopback.client.open_sender('q');
    await event(sender, 'sendable');
    sender.send({ body: 1 });
    await until(() => loopback!.owners[0]!.deliveries.length === 1, 'the delivery');
    sender.close();
    await event(sender, 'sender_close');
    assert.deepEqual(ends, [true]);
    loopback.owners[0]!.deliveries[0]!.settle({ state: 'accepted' });
    assert.equal(loopback.owners[0]!.incoming[0]!.open, false);
  });

  it('authenticates PLAIN, also asynchronously, and refuses what is wrong', async () => {
    const check = { mechanisms: ['PLAIN'] as const, requireSasl: true };
    const behaviour = {
      authenticate: async (request: { mechanism: string; password?: string }) => request.password === 'right',
    };
    loopback = await withRhea(behaviour, check, { username: 'anna', password: 'right' });
    await event(loopback.client, 'connection_open');
    assert.equal(loopback.owners[0]!.connection.user, 'anna');
    await loopback.close();
    loopback = await withRhea(behaviour, check, { username: 'anna', password: 'wrong' });
    await until(() => loopback!.owners[0]?.closed !== undefined, 'the end');
    assert.equal(loopback.owners[0]!.closed!.error!.condition, 'amqp:unauthorized-access');
  });

  it('closes with an error that the peer reads', async () => {
    loopback = await withRhea();
    await event(loopback.client, 'connection_open');
    const failed = event(loopback.client, 'connection_error');
    loopback.owners[0]!.connection.close({ condition: 'amqp:connection:forced', description: 'bye' });
    assert.equal(
      ((await failed).connection.error as unknown as { condition: string }).condition,
      'amqp:connection:forced',
    );
    await until(() => loopback!.owners[0]!.closed !== undefined, 'the answer');
    assert.equal(loopback.owners[0]!.closed!.by, 'us');
  });
});
