import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EventContext } from 'rhea';
import { JunctionError } from '../../../src/core/errors.ts';
import { accepted, type Outcome } from '../../../src/core/outcome.ts';
import { settleDown, until } from '../../helpers.ts';
import { connect, errorOf, happens, Held, openSender, Publisher, startListener } from './support.ts';

const rejected: Outcome = { state: 'rejected', error: new JunctionError('refused', 'not wanted') };
const released: Outcome = { state: 'released', error: new JunctionError('unavailable', 'try later') };

describe('a sender', { timeout: 60_000 }, () => {
  it('is answered only when the routes have', async () => {
    const { port, intake } = await startListener();
    const held = new Held();
    intake.read.add('orders');
    intake.answer = held.answer;
    const publisher = new Publisher(await openSender(await connect(port), 'orders'));
    const told = publisher.send('one');
    await until(() => intake.got.length === 1);
    // The peer's next frames come and go, and still there is no answer.
    const other = new Publisher(await openSender(await connect(port), 'elsewhere'));
    assert.ok(other.sender.is_open());
    await settleDown();
    assert.equal(publisher.unanswered, 1);
    held.release();
    assert.equal((await told).state, 'accepted');
    assert.equal(intake.got[0]!.address, 'orders');
  });

  it('is told of each of several outcomes of one tick', async () => {
    const { port, intake } = await startListener();
    const outcomes = [accepted, rejected, rejected, released, accepted, released];
    intake.read.add('orders');
    intake.answer = (envelope) => outcomes[Number(Buffer.from(envelope.body!).toString())]!;
    const publisher = new Publisher(await openSender(await connect(port), 'orders'));
    const told = await Promise.all(outcomes.map((_, n) => publisher.send(String(n))));
    assert.deepEqual(
      told.map((t) => t.state),
      outcomes.map((o) => o.state),
    );
    assert.equal(told[1]!.condition, 'amqp:not-allowed');
    assert.equal(told[1]!.description, 'not wanted');
  });

  it('is told `modified` where it cannot be told `released`', async () => {
    const { port, intake } = await startListener();
    intake.read.add('orders');
    intake.answer = () => released;
    const sender = await openSender(await connect(port), {
      target: { address: 'orders' },
      source: {
        address: 'me',
        outcomes: ['amqp:accepted:list', 'amqp:rejected:list', 'amqp:modified:list'],
      } as never,
    });
    assert.equal((await new Publisher(sender).send('x')).state, 'modified');
  });

  it('has as much credit as its window, gets no more while nothing is settled, and goes on after', async () => {
    const { port, intake } = await startListener({ window: 10 });
    const held = new Held();
    intake.read.add('orders');
    intake.answer = held.answer;
    const publisher = new Publisher(await openSender(await connect(port), 'orders'));
    // The client keeps to its credit by itself: what it may not send yet waits there.
    const texts = Array.from({ length: 45 }, (_, n) => String(n));
    const told = texts.map((text) => publisher.send(text));
    await until(() => intake.got.length === 10);
    await settleDown();
    assert.equal(intake.got.length, 10);
    let most = 0;
    await until(() => {
      most = Math.max(most, held.waiting.length);
      held.release();
      return publisher.unanswered === 0;
    });
    assert.ok(most <= 10, `${most} were unsettled at one time`);
    assert.deepEqual(intake.texts(), texts);
    assert.ok((await Promise.all(told)).every(({ state }) => state === 'accepted'));
  });

  it('shares the window with the other senders of its connection', async () => {
    const { port, intake } = await startListener({ window: 20 });
    const held = new Held();
    intake.read.add('a').add('b');
    intake.answer = held.answer;
    const connection = await connect(port);
    const [a, b] = [await openSender(connection, 'a'), await openSender(connection, 'b')];
    for (let n = 0; n < 30; n++) {
      a.send({ body: 'a' });
      b.send({ body: 'b' });
    }
    // Credit that was given before the second link came cannot be taken back: only then may it be more.
    await until(() => intake.got.length >= 20);
    await until(() => (held.release(), intake.got.length >= 40));
    held.release();
    let most = 0;
    await until(() => {
      most = Math.max(most, held.waiting.length);
      held.release();
      return intake.got.length === 60;
    });
    assert.ok(most <= 20, `${most} were unsettled at one time`);
  });

  it('may send settled: no answer, but it counts in the window', async () => {
    const { port, intake } = await startListener({ window: 5 });
    const held = new Held();
    intake.read.add('orders');
    intake.answer = held.answer;
    const sender = await openSender(await connect(port), { target: 'orders', snd_settle_mode: 1 } as never);
    for (let n = 0; n < 12; n++) sender.send({ body: String(n) });
    await until(() => intake.got.length >= 5);
    await settleDown();
    assert.equal(intake.got.length, 5);
    await until(() => (held.release(), intake.got.length === 12));
  });

  it('without a target names the address in each message', async () => {
    const { port, intake } = await startListener({ topics: ['events.#'] });
    intake.read.add('orders').add('events.a');
    const publisher = new Publisher(await openSender(await connect(port), { target: {} }));
    assert.equal((await publisher.send('1', { to: 'orders' })).state, 'accepted');
    assert.equal((await publisher.send('2', { to: 'events.a' })).state, 'accepted');
    assert.deepEqual(
      intake.got.map((envelope) => envelope.address),
      ['orders', 'events.a'],
    );
    assert.equal((await publisher.send('3')).condition, 'amqp:invalid-field');
    assert.equal((await publisher.send('4', { to: 'events.*' })).condition, 'amqp:invalid-field');
    const gone = await publisher.send('5', { to: 'temp.00000000-0000-4000-8000-000000000000' });
    assert.equal(gone.condition, 'amqp:not-found');
  });

  it('is refused where the address contradicts what it asks for', async () => {
    const { port } = await startListener({ topics: ['events.#'] });
    const connection = await connect(port);
    const refused = async (target: object): Promise<string | undefined> => {
      const sender = connection.open_sender({ target });
      sender.on('sender_error', () => undefined);
      await happens(sender, 'sender_close');
      return errorOf(sender)?.condition;
    };
    assert.equal(await refused({ address: 'events.a', capabilities: ['queue'] }), 'amqp:not-allowed');
    assert.equal(await refused({ address: 'a', capabilities: ['queue', 'topic'] }), 'amqp:invalid-field');
    assert.equal(await refused({ address: 'a.*' }), 'amqp:invalid-field');
    assert.equal(await refused({ address: 'a\u0000' }), 'amqp:invalid-field');
  });

  it('may not send more than the largest message, and others go on', async () => {
    const { port, intake } = await startListener({ max_message: '64KiB' });
    intake.read.add('orders');
    const connection = await connect(port);
    const other = new Publisher(await openSender(connection, 'orders'));
    const sender = await openSender(connection, { target: 'orders', name: 'large' });
    const closed = happens(sender, 'sender_close');
    sender.send({ body: Buffer.alloc(100_000) });
    await closed;
    assert.equal(errorOf(sender)?.condition, 'amqp:link:message-size-exceeded');
    assert.equal((await other.send('x')).state, 'accepted');
    assert.deepEqual(intake.texts(), ['x']);
  });

  it('has a message rejected that cannot be read', async () => {
    const { port, intake, log } = await startListener();
    intake.read.add('orders');
    const sender = await openSender(await connect(port), 'orders');
    const answer = happens(sender, 'rejected');
    sender.send(Buffer.from('005374d0ffffffff00000002', 'hex'), 'tag', 0);
    const { delivery } = (await answer) as EventContext & { delivery: { remote_state: { error: object } } };
    assert.equal((delivery.remote_state.error as { condition: string }).condition, 'amqp:decode-error');
    assert.equal(intake.got.length, 0);
    assert.equal(log.lines.length, 1);
  });

  it('gets nothing and gives nothing once the listener stops, and every answer that is due', async () => {
    const { port, intake, listener } = await startListener({ window: 10 });
    const held = new Held();
    intake.read.add('orders');
    intake.answer = held.answer;
    const publisher = new Publisher(await openSender(await connect(port), 'orders'));
    const before = publisher.send('before');
    await until(() => intake.got.length === 1);
    let stopped = false;
    const stopping = listener.source.stop().then(() => (stopped = true));
    const after = await publisher.send('after');
    assert.equal(after.state, 'released');
    assert.equal(stopped, false);
    held.release();
    assert.equal((await before).state, 'accepted');
    await stopping;
    assert.deepEqual(intake.texts(), ['before']);
  });
});
