import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DeliveryOutcome, EngineOptions } from '../../../../src/protocols/amqp/engine/api.ts';
import * as raw from '../raw.ts';
import { TestOwner, until, type Behaviour } from './peer.ts';

const accepted: DeliveryOutcome = { state: 'accepted' };

/** An engine whose peer is a list of bytes. */
function start(
  behaviour: Behaviour = {},
  options: Partial<EngineOptions> = {},
  ...bytes: Buffer[]
): TestOwner {
  const owner = new TestOwner(behaviour, options);
  send(owner, raw.amqpHeader, raw.open(), raw.begin(), ...bytes);
  return owner;
}

const send = (owner: TestOwner, ...bytes: Buffer[]): void => owner.connection.receive(Buffer.concat(bytes));

/** What the engine has said since the last call. */
function said(owner: TestOwner): raw.Read[] {
  const chunks: Buffer[] = [];
  owner.connection.flush((chunk) => chunks.push(chunk));
  const before = owner.written;
  owner.written = [];
  return raw.readFrames([...before, ...chunks]);
}

const names = (frames: raw.Read[]): string[] => frames.map((f) => f.name);
const condition = (frame: raw.Read | undefined): unknown =>
  (frame?.fields.error as { condition?: unknown })?.condition;

describe('the engine, byte by byte', () => {
  it('answers open, begin, attach and grants credit', () => {
    const owner = start({ window: 50 }, {}, raw.attach('sender'));
    const frames = said(owner);
    assert.deepEqual(names(frames), ['header 0', 'open', 'begin', 'attach', 'flow']);
    assert.equal(frames[4]!.fields.link_credit, 50);
    assert.equal(frames[3]!.fields.role, true);
    assert.equal(frames[2]!.fields.remote_channel, 0);
  });

  it('takes its bytes one at a time', () => {
    const owner = new TestOwner();
    const bytes = Buffer.concat([raw.amqpHeader, raw.open(), raw.begin(), raw.attach('sender')]);
    for (const byte of bytes) owner.connection.receive(Buffer.from([byte]));
    assert.deepEqual(names(said(owner)), ['header 0', 'open', 'begin', 'attach', 'flow']);
    for (const byte of raw.transfer()) owner.connection.receive(Buffer.from([byte]));
    assert.equal(owner.deliveries.length, 1);
    assert.deepEqual(names(said(owner)), ['disposition']);
  });

  it('keeps a sender and a receiver of one name on one session apart', () => {
    const owner = start(
      {},
      {},
      raw.attach('sender', { name: 'one', handle: 0 }),
      raw.attach('receiver', { name: 'one', handle: 1 }),
    );
    assert.deepEqual(names(said(owner)), ['header 0', 'open', 'begin', 'attach', 'attach', 'flow']);
    assert.equal(owner.incoming[0]!.open && owner.outgoing[0]!.open, true);
  });

  it('gives a link that is attached again to the new one', () => {
    const ends: unknown[] = [];
    const owner = start({ onLinkEnd: (error) => ends.push(error?.condition) }, {}, raw.attach('sender'));
    said(owner);
    send(owner, raw.attach('sender', { handle: 1 }));
    const frames = said(owner);
    assert.deepEqual(names(frames), ['detach', 'attach', 'flow']);
    assert.equal(condition(frames[0]), 'amqp:link:stolen');
    assert.deepEqual(ends, ['amqp:link:stolen']);
    send(owner, raw.frame('detach', { handle: 0, closed: true }), raw.transfer({ handle: 1 }));
    assert.equal(owner.deliveries.length, 1);
  });

  it('refuses a transaction coordinator', () => {
    const coordinator = raw.types.described!(raw.types.wrap_ulong!(0x30), raw.types.wrap_list!([]));
    const owner = start({}, {}, raw.attach('sender', { target: coordinator }));
    const frames = said(owner).slice(3);
    assert.deepEqual(names(frames), ['attach', 'detach']);
    assert.equal(condition(frames[1]), 'amqp:not-implemented');
    assert.equal(owner.incoming.length, 0);
  });

  it('refuses in open, in a way that Qpid JMS recognises', () => {
    const owner = new TestOwner({
      onOpen: (connection) => connection.close({ condition: 'amqp:not-allowed' }),
    });
    send(owner, raw.amqpHeader, raw.open());
    const frames = said(owner);
    assert.deepEqual(names(frames), ['header 0', 'open', 'close']);
    assert.deepEqual(frames[1]!.fields.properties, { 'amqp:connection-establishment-failed': true });
    assert.equal(condition(frames[2]), 'amqp:not-allowed');
    send(owner, raw.frame('close', {}));
    assert.equal(owner.closed?.by, 'us');
  });

  it('coalesces dispositions over equal outcomes only', () => {
    const states: DeliveryOutcome['state'][] = [
      'accepted',
      'accepted',
      'rejected',
      'released',
      'released',
      'accepted',
    ];
    const transfers = states.map((_, i) => raw.transfer({ delivery_id: i, delivery_tag: Buffer.from([i]) }));
    const owner = start({ onTransfer: () => undefined }, {}, raw.attach('sender'));
    said(owner);
    send(owner, ...transfers);
    owner.deliveries.forEach((d, i) => d.settle({ state: states[i]! } as DeliveryOutcome));
    const ranges = said(owner)
      .filter((f) => f.name === 'disposition')
      .map(({ fields: f }) => `${String(f.first)}-${String(f.last ?? f.first)}`);
    assert.deepEqual(ranges, ['0-1', '2-2', '3-4', '5-5']);
  });

  it('lets delivery-ids wrap, both ways', () => {
    const ids = [0xffff_fffe, 0xffff_ffff, 0, 1];
    const owner = start({ onTransfer: () => undefined }, {}, raw.attach('sender'));
    said(owner);
    send(owner, ...ids.map((id) => raw.transfer({ delivery_id: id })));
    owner.deliveries.forEach((d) => d.settle(accepted));
    const [disposition] = said(owner).filter((f) => f.name === 'disposition');
    assert.deepEqual([disposition!.fields.first, disposition!.fields.last], [0xffff_fffe, 1]);
  });

  it('settles a range that wraps', () => {
    const outcomes: string[] = [];
    const owner = start(
      {},
      {},
      raw.attach('receiver'),
      raw.flow({ handle: 0, delivery_count: 0, link_credit: 10 }),
    );
    for (let i = 0; i < 3; i++)
      owner.outgoing[0]!.send(Buffer.from('x'), (o) => outcomes.push(`${i} ${o.state}`));
    send(owner, raw.frame('disposition', { role: true, first: 0xffff_ffff, last: 1, settled: true }));
    assert.deepEqual(outcomes, ['0 released', '1 released']);
    assert.equal(owner.outgoing[0]!.unsettled, 1);
  });

  it('stays within the window of the peer, and goes on when it opens', () => {
    let credits = 0;
    const owner = new TestOwner({ onCredit: () => credits++ });
    send(owner, raw.amqpHeader, raw.open(), raw.begin({ incoming_window: 2 }), raw.attach('receiver'));
    send(owner, raw.flow({ incoming_window: 2, handle: 0, delivery_count: 0, link_credit: 10 }));
    const link = owner.outgoing[0]!;
    said(owner);
    link.send(Buffer.from('1'), () => undefined);
    link.send(Buffer.from('2'), () => undefined);
    assert.equal(link.credit, 0);
    assert.throws(() => link.send(Buffer.from('3'), () => undefined), /credit/);
    assert.deepEqual(names(said(owner)), ['transfer', 'transfer']);
    const before = credits;
    send(owner, raw.flow({ next_incoming_id: 2, incoming_window: 2 }));
    assert.equal(credits, before + 1);
    assert.equal(link.credit, 8);
  });

  it('writes the rest of a message when the window opens', () => {
    const owner = new TestOwner();
    send(owner, raw.amqpHeader, raw.open({ max_frame_size: 512 }), raw.begin({ incoming_window: 1 }));
    send(
      owner,
      raw.attach('receiver'),
      raw.flow({ incoming_window: 1, handle: 0, delivery_count: 0, link_credit: 1 }),
    );
    said(owner);
    const message = Buffer.from(Array.from({ length: 1_200 }, (_, i) => i & 0xff));
    owner.outgoing[0]!.send(message, () => undefined);
    const parts: raw.Read[] = said(owner);
    for (let id = 1; id < 3; id++) {
      assert.equal(parts.length, id);
      send(owner, raw.flow({ next_incoming_id: id, incoming_window: 1 }));
      parts.push(...said(owner));
    }
    assert.deepEqual(Buffer.concat(parts.map((p) => p.payload!)), message);
    assert.deepEqual(
      parts.map((p) => p.fields.more),
      [true, true, false],
    );
  });

  it('settles what a receiver of mode second has an outcome for', () => {
    const outcomes: string[] = [];
    const owner = start({}, {}, raw.attach('receiver', { rcv_settle_mode: 1 }));
    send(owner, raw.flow({ handle: 0, delivery_count: 0, link_credit: 1 }));
    owner.outgoing[0]!.send(Buffer.from('x'), (o) => outcomes.push(o.state));
    said(owner);
    const state = raw.types.described!(raw.types.wrap_ulong!(0x24), raw.types.wrap_list!([]));
    send(owner, raw.frame('disposition', { role: true, first: 0, settled: false, state }));
    const frames = said(owner);
    assert.deepEqual(outcomes, ['accepted']);
    assert.deepEqual(names(frames), ['disposition']);
    assert.equal(frames[0]!.fields.settled, true);
    assert.equal(frames[0]!.fields.role, false);
  });

  it('does not answer a delivery that the peer has settled meanwhile', () => {
    const owner = start({ onTransfer: () => undefined }, {}, raw.attach('sender'));
    said(owner);
    send(owner, raw.transfer());
    send(owner, raw.frame('disposition', { role: false, first: 0, settled: true }));
    owner.deliveries[0]!.settle(accepted);
    assert.deepEqual(names(said(owner)), []);
    assert.equal(owner.incoming[0]!.unsettled, 0);
  });

  it('hands over settled messages without answering, and returns their credit', () => {
    const owner = start({ window: 1 }, {}, raw.attach('sender'));
    said(owner);
    send(owner, raw.transfer({ settled: true }));
    const frames = said(owner);
    assert.equal(owner.deliveries[0]!.settled, true);
    assert.deepEqual(names(frames), ['flow']);
  });

  it('sends settled to a peer that asks for it', () => {
    const outcomes: string[] = [];
    const owner = start({}, {}, raw.attach('receiver', { snd_settle_mode: 1 }));
    send(owner, raw.flow({ handle: 0, delivery_count: 0, link_credit: 1 }));
    said(owner);
    owner.outgoing[0]!.send(Buffer.from('x'), (o) => outcomes.push(o.state));
    assert.deepEqual(outcomes, ['accepted']);
    assert.equal(said(owner)[0]!.fields.settled, true);
    assert.equal(owner.outgoing[0]!.unsettled, 0);
  });

  it('counts the messages on their way off the credit that a receiver restates', () => {
    const owner = start(
      {},
      {},
      raw.attach('receiver'),
      raw.flow({ handle: 0, delivery_count: 0, link_credit: 5 }),
    );
    owner.outgoing[0]!.send(Buffer.from('x'), () => undefined);
    owner.outgoing[0]!.send(Buffer.from('x'), () => undefined);
    send(owner, raw.flow({ handle: 0, delivery_count: 1, link_credit: 5 }));
    assert.equal(owner.outgoing[0]!.credit, 4);
  });

  it('ends every link when its session or connection ends, once', () => {
    const ends: boolean[] = [];
    const owner = start({ onLinkEnd: (_, closed) => ends.push(closed) }, {}, raw.attach('sender'));
    send(owner, raw.frame('end', {}));
    assert.deepEqual(ends, [false]);
    assert.ok(names(said(owner)).includes('end'));
    send(owner, raw.begin(), raw.attach('sender', { name: 'two' }));
    owner.connection.disconnected();
    owner.connection.disconnected();
    assert.deepEqual(ends, [false, false]);
    assert.deepEqual(owner.closed, { error: undefined, by: 'peer' });
  });

  it('accepts SASL and open sent ahead while the owner makes up its mind', async () => {
    let decide: (ok: boolean) => void = () => undefined;
    const owner = new TestOwner(
      { authenticate: () => new Promise<boolean>((resolve) => (decide = resolve)) },
      { mechanisms: ['PLAIN'] },
    );
    const init = raw.saslFrame('sasl_init', {
      mechanism: 'PLAIN',
      initial_response: Buffer.from('\0anna\0secret'),
    });
    send(owner, raw.saslHeader, init, raw.amqpHeader, raw.open(), raw.begin());
    send(owner, raw.attach('sender'));
    assert.deepEqual(names(said(owner)), ['header 3', 'sasl_mechanisms']);
    decide(true);
    await until(() => owner.incoming.length === 1, 'the attach');
    assert.deepEqual(names(said(owner)), ['sasl_outcome', 'header 0', 'open', 'begin', 'attach', 'flow']);
    assert.equal(owner.connection.user, 'anna');
    assert.deepEqual(owner.requests, [
      { mechanism: 'PLAIN', hostname: undefined, username: 'anna', password: 'secret', authorizationId: '' },
    ]);
  });

  it('refuses to skip SASL where it is required', () => {
    const owner = new TestOwner({}, { requireSasl: true });
    send(owner, raw.amqpHeader, raw.open());
    assert.deepEqual(names(said(owner)), ['header 3']);
    assert.ok(owner.closed?.error);
  });

  it('refuses a mechanism that is not offered', () => {
    const owner = new TestOwner({}, { mechanisms: ['PLAIN'] });
    send(owner, raw.saslHeader, raw.saslFrame('sasl_init', { mechanism: 'ANONYMOUS' }));
    const frames = said(owner);
    assert.equal(frames.at(-1)!.fields.code, 1);
    assert.equal(owner.requests.length, 0);
    assert.equal(owner.closed!.error!.condition, 'amqp:unauthorized-access');
  });
});
