import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { envelope } from '../../../src/core/envelope.ts';
import { JunctionError } from '../../../src/core/errors.ts';
import { listenerConfig } from '../../../src/protocols/stomp/config.ts';
import { StompListener } from '../../../src/protocols/stomp/listener.ts';
import { client, HeldIntake, Lines, listen, portOf, RawClient, until } from './support.ts';

const refused = (code: 'refused' | 'unavailable' = 'refused') =>
  ({
    state: code === 'refused' ? 'rejected' : 'released',
    error: new JunctionError(code, 'the target said no'),
  }) as const;
const send = (body: string, more = '') => `SEND\ndestination:/queue/a\n${more}\n${body}^@`;

describe('settlement with the sender', { timeout: 30_000 }, () => {
  it('writes no RECEIPT before the outcome, and each after its own', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, {}, intake);
    const raw = await client(t, port);
    raw.write(send('1', 'receipt:r1\n') + send('2', 'receipt:r2\n') + send('3'));
    await until(() => intake.messages.length === 3, 'three messages');
    await raw.settled();
    assert.deepEqual(raw.receipts(), []);
    intake.settle(1);
    await until(() => raw.receipts().length === 1, 'one receipt');
    assert.deepEqual(raw.receipts(), ['r2']);
    intake.settle(0);
    await until(() => raw.receipts().length === 2, 'the other');
    assert.deepEqual(raw.receipts(), ['r2', 'r1']);
  });

  for (const code of ['refused', 'unavailable'] as const)
    it(`answers ${code} with an ERROR, never a RECEIPT, and closes`, async (t) => {
      const intake = new HeldIntake();
      const { port } = await listen(t, {}, intake);
      const raw = await client(t, port);
      raw.write(send('1', 'receipt:r1\n') + send('2', 'receipt:r\\c2\n') + send('3', 'receipt:r3\n'));
      await until(() => intake.messages.length === 3, 'three messages');
      intake.settle(0);
      intake.settle(1, refused(code));
      intake.settle(2);
      await until(() => raw.closed, 'the end');
      assert.deepEqual(
        raw.frames.slice(1).map((f) => [f.command, f.headers.get('receipt-id')]),
        [
          ['RECEIPT', 'r1'],
          ['ERROR', 'r\\c2'],
        ],
      );
      assert.equal(raw.frames.at(-1)!.headers.get('error-code'), code);
      assert.equal(raw.frames.at(-1)!.body.toString(), 'the target said no');
    });

  it('tells the sender of a refused message that asked for no receipt', async (t) => {
    const intake = new HeldIntake(() => true, refused());
    const { port } = await listen(t, {}, intake);
    const raw = await client(t, port);
    raw.write(send('1'));
    assert.equal((await raw.next('ERROR')).headers.has('receipt-id'), false);
    await until(() => raw.closed, 'the end');
  });

  it('stops reading at the window and goes on after each settlement', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, { window: 3 }, intake);
    const raw = await client(t, port);
    const other = await client(t, port);
    for (let i = 0; i < 10; i++) raw.write(send(`${i}`));
    await until(() => intake.messages.length === 3, 'the window');
    // another client is not affected; its message shows that the first one was given its turn
    other.write(send('other'));
    await until(() => intake.messages.length >= 4, 'the other client');
    await other.settled();
    assert.deepEqual(intake.bodies(), ['0', '1', '2', 'other']);
    intake.settle(1);
    await until(() => intake.messages.length === 5, 'one more');
    await other.settled();
    assert.equal(intake.messages.length, 5);
    intake.release();
    await until(() => intake.messages.length === 11, 'all');
    assert.deepEqual(
      intake.bodies().filter((b) => b !== 'other'),
      ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    );
  });

  it('counts bytes too', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, { window_size: '1000B' }, intake);
    const raw = await client(t, port);
    const body = 'x'.repeat(400);
    for (let i = 0; i < 6; i++) raw.write(send(body));
    await until(() => intake.messages.length === 3, 'three');
    await (await client(t, port)).settled();
    assert.equal(intake.messages.length, 3);
    intake.release();
    await until(() => intake.messages.length === 6, 'all');
  });

  it('receipts DISCONNECT after everything before it is settled', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, {}, intake);
    const raw = await client(t, port);
    raw.write(send('1', 'receipt:r1\n') + send('2') + 'DISCONNECT\nreceipt:bye\n\n^@');
    await until(() => intake.messages.length === 2, 'the messages');
    intake.settle(1);
    await (await client(t, port)).settled();
    assert.deepEqual(raw.receipts(), []);
    assert.equal(raw.closed, false);
    intake.settle(0);
    await until(() => raw.closed, 'the end');
    assert.deepEqual(raw.receipts(), ['r1', 'bye']);
  });

  it('answers a client that half-closes after its last frame', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, {}, intake);
    const raw = await client(t, port);
    raw.write(send('1', 'receipt:r1\n'));
    raw.socket.end();
    await until(() => intake.messages.length === 1, 'the message');
    intake.settle(0);
    await until(() => raw.closed, 'the end');
    assert.deepEqual(raw.receipts(), ['r1']);
  });

  it('takes all that a client sent before it half-closed, though the window was full, and its DISCONNECT', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, { window: 3 }, intake);
    const raw = await client(t, port);
    for (let i = 0; i < 10; i++) raw.write(send(`${i}`));
    raw.write('DISCONNECT\nreceipt:bye\n\n^@');
    raw.socket.end();
    await until(() => intake.messages.length === 3, 'the window');
    // a round trip of another client: the end has been seen too
    await (await client(t, port)).settled();
    assert.equal(raw.closed, false);
    intake.release();
    await until(() => raw.closed, 'the end');
    assert.deepEqual(intake.bodies(), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    assert.deepEqual(raw.receipts(), ['bye']);
  });

  it('takes all that a client sent before it closed both ways, though its answers find no one', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, { window: 3 }, intake);
    const raw = await client(t, port);
    for (let i = 0; i < 10; i++) raw.write(send(`${i}`, `receipt:${i}\n`));
    await until(() => intake.messages.length === 3, 'the window');
    raw.socket.destroySoon();
    await until(() => raw.closed, 'the end');
    await (await client(t, port)).settled();
    for (let i = 0; i < 10; i++) {
      await until(() => intake.messages.length > i, `message ${i}`);
      intake.settle(i);
      // the answer goes out, and the reset comes back, before the next one
      await (await client(t, port)).settled();
    }
    assert.equal(intake.messages.length, 10);
  });

  it('gives a half-closed client no new messages, while its own frames wait for their turn', async (t) => {
    const intake = new HeldIntake((address) => address === '/queue/a');
    const { port, listener } = await listen(t, { window: 1 }, intake);
    const raw = await client(t, port);
    raw.write('SUBSCRIBE\nid:s\ndestination:/queue/in\nreceipt:ok\n\n^@');
    await raw.next('RECEIPT');
    raw.write(send('1') + send('2'));
    raw.socket.end();
    await until(() => intake.messages.length === 1, 'the first');
    await (await client(t, port)).settled();
    const sent = listener.sink.send(envelope({ address: 'x', body: Buffer.from('in') }), '/queue/in');
    const other = await client(t, port);
    other.write('SUBSCRIBE\nid:s\ndestination:/queue/in\n\n^@');
    assert.equal((await other.next('MESSAGE')).body.toString(), 'in');
    await sent;
    intake.release();
    await until(() => raw.closed, 'the end');
    assert.deepEqual(raw.messages(), []);
    assert.deepEqual(intake.bodies(), ['1', '2']);
  });

  it('holds what is sent before the routes take part, and after they have stopped', async (t) => {
    const listener = new StompListener(listenerConfig.parse({ listen: '127.0.0.1:0' }), {
      name: 's',
      log: new Lines(),
    });
    t.after(() => listener.close());
    await listener.open();
    const intake = new HeldIntake();
    const raw = await client(t, portOf(listener));
    raw.write('BEGIN\ntransaction:t\nreceipt:begun\n\n^@' + send('1', 'receipt:r1\n'));
    await raw.next('RECEIPT');
    assert.equal(intake.messages.length, 0);
    await listener.source.start(intake);
    await until(() => intake.messages.length === 1, 'the held message');
    let stopped = false;
    const stop = listener.source.stop().then(() => (stopped = true));
    raw.write('ABORT\ntransaction:t\nreceipt:late\n\n^@' + send('2', 'receipt:r2\n'));
    await until(() => raw.receipts().includes('late'), 'a frame after stop');
    assert.equal(stopped, false);
    intake.settle(0);
    await stop;
    await until(() => raw.receipts().includes('r1'), 'the last receipt');
    assert.deepEqual(intake.bodies(), ['1']);
    await Promise.all([listener.close(), listener.close()]);
    await until(() => raw.closed, 'the end');
    assert.equal(raw.frames.at(-1)!.headers.get('error-code'), 'closed');
    assert.equal(listener.status().state, 'closed');
  });

  it('gives back what waits for a consumer when it stops; what a consumer holds may still settle', async (t) => {
    const { port, listener } = await listen(t);
    const message = envelope({ address: 'x', body: Buffer.from('m') });
    const waiting = assert.rejects(listener.sink.send(message, '/queue/waiting'), { code: 'closed' });
    const consumer = await client(t, port);
    consumer.write('SUBSCRIBE\nid:s\ndestination:/queue/held\nack:client-individual\nreceipt:ok\n\n^@');
    await consumer.next('RECEIPT');
    const held = listener.sink.send(message, '/queue/held');
    const ack = (await consumer.next('MESSAGE')).headers.get('ack');
    const sender = await client(t, port);
    sender.write('SEND\ndestination:/queue/waiting\nreceipt:r\n\nx^@');
    await sender.settled();
    await listener.source.stop();
    await waiting;
    const error = await sender.next('ERROR');
    assert.equal(error.headers.get('receipt-id'), 'r');
    assert.equal(error.headers.get('error-code'), 'closed');
    consumer.write(`ACK\nid:${ack}\n\n^@`);
    await held;
  });

  it('refuses what nobody takes where unrouted says so, and local: false keeps clients apart', async (t) => {
    const { port } = await listen(t, { unrouted: 'reject', local: false });
    const raw = await client(t, port);
    raw.write('SUBSCRIBE\nid:1\ndestination:/topic/x\n\n^@SEND\ndestination:/topic/x\nreceipt:1\n\n^@');
    assert.equal((await raw.next('ERROR')).headers.get('error-code'), 'no-route');
    assert.equal(raw.messages().length, 0);
  });

  it('sink: resolves when a subscriber has it, throws what it said otherwise', async (t) => {
    const { port, listener } = await listen(t);
    const raw = await client(t, port);
    raw.write('SUBSCRIBE\nid:s\ndestination:/queue/out\nack:client-individual\nreceipt:ok\n\n^@');
    await raw.next('RECEIPT');
    let done = false;
    const message = envelope({ address: 'a/b', body: Buffer.from([0, 255]), headers: [['n', 5, 'int']] });
    const first = listener.sink.send(message, '/queue/out').then(() => (done = true));
    const got = await raw.next('MESSAGE');
    assert.equal(got.headers.get('destination'), '/queue/out');
    assert.deepEqual(got.body, Buffer.from([0, 255]));
    assert.equal(got.headers.get('junction-types'), 'n=int');
    await raw.settled();
    assert.equal(done, false);
    raw.write(`ACK\nid:${got.headers.get('ack')}\n\n^@`);
    await first;
    const second = assert.rejects(listener.sink.send(message, '/queue/out'), { code: 'refused' });
    raw.write(`NACK\nid:${(await raw.next('MESSAGE')).headers.get('ack')}\nrequeue:false\n\n^@`);
    await second;
  });
});

describe('transactions', { timeout: 30_000 }, () => {
  it('publishes at COMMIT, whose receipt waits for every send', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, {}, intake);
    const raw = await client(t, port);
    raw.write(
      'BEGIN\ntransaction:t\n\n^@' +
        send('1', 'transaction:t\n') +
        send('2', 'transaction:t\nreceipt:held\n'),
    );
    assert.equal((await raw.next('RECEIPT')).headers.get('receipt-id'), 'held');
    assert.equal(intake.messages.length, 0);
    raw.write('COMMIT\ntransaction:t\nreceipt:done\n\n^@');
    await until(() => intake.messages.length === 2, 'both');
    intake.settle(1);
    await raw.settled();
    assert.ok(!raw.receipts().includes('done'));
    intake.settle(0);
    await until(() => raw.receipts().includes('done'), 'the receipt');
    assert.deepEqual(intake.bodies(), ['1', '2']);
  });

  it('forgets what ABORT ends, and a refused send refuses the COMMIT', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, {}, intake);
    const raw = await client(t, port);
    raw.write(`BEGIN\ntransaction:t\n\n^@${send('1', 'transaction:t\n')}ABORT\ntransaction:t\n\n^@`);
    raw.write(
      `BEGIN\ntransaction:t\n\n^@${send('2', 'transaction:t\n')}COMMIT\ntransaction:t\nreceipt:c\n\n^@`,
    );
    await until(() => intake.messages.length === 1, 'the second');
    assert.deepEqual(intake.bodies(), ['2']);
    intake.settle(0, refused());
    assert.equal((await raw.next('ERROR')).headers.get('receipt-id'), 'c');
  });

  it('applies acknowledgements once the sends are accepted, also if the client says DISCONNECT meanwhile', async (t) => {
    const intake = new HeldIntake((address) => address === '/queue/a');
    const { port, listener } = await listen(t, {}, intake);
    const raw = await client(t, port);
    raw.write('SUBSCRIBE\nid:s\ndestination:/queue/in\nack:client\nreceipt:ok\n\n^@');
    await raw.next('RECEIPT');
    let acked = false;
    const consumed = listener.sink
      .send(envelope({ address: 'x', body: Buffer.from('in') }), '/queue/in')
      .then(() => (acked = true));
    const ack = (await raw.next('MESSAGE')).headers.get('ack');
    raw.write(
      `BEGIN\ntransaction:t\n\n^@ACK\nid:${ack}\ntransaction:t\n\n^@${send('out', 'transaction:t\n')}`,
    );
    raw.write('COMMIT\ntransaction:t\nreceipt:c\n\n^@DISCONNECT\nreceipt:bye\n\n^@');
    await until(() => intake.messages.length === 1, 'the send');
    assert.equal(acked, false);
    intake.settle(0);
    await consumed;
    await until(() => raw.closed, 'the end');
    assert.deepEqual(raw.receipts(), ['ok', 'c', 'bye']);
  });

  for (const [name, frames] of [
    ['an unknown transaction', send('1', 'transaction:no\n')],
    ['a transaction begun twice', 'BEGIN\ntransaction:t\n\n^@BEGIN\ntransaction:t\n\n^@'],
    ['a COMMIT of nothing', 'COMMIT\ntransaction:no\n\n^@'],
    [
      'too many transactions',
      'BEGIN\ntransaction:1\n\n^@BEGIN\ntransaction:2\n\n^@BEGIN\ntransaction:3\n\n^@',
    ],
    ['too large a transaction', `BEGIN\ntransaction:1\n\n^@${send('1', 'transaction:1\n').repeat(4)}`],
  ] as const)
    it(`refuses ${name}`, async (t) => {
      const { port } = await listen(t, { max_transactions: 2, max_transaction_frames: 3 });
      const raw = new RawClient(port);
      raw.write(`CONNECT\naccept-version:1.1\n\n^@${frames}`);
      await raw.next('CONNECTED');
      await raw.next('ERROR');
      await until(() => raw.closed, 'the end');
    });
});
