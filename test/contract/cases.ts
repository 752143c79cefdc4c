import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { envelope, type Envelope, type EnvelopeInit } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import { accepted } from '../../src/core/outcome.ts';
import type { AddressSyntax } from '../../src/core/address.ts';
import { isPending, textOf, until } from '../helpers.ts';
import type { ClientBench, Harness, ListenerBench, ListenerHarness, Peer, PeerMessage } from './contract.ts';
import { HeldIntake, rejected, released } from './intake.ts';

/** What a case works with: an endpoint that is open, and the intake its messages come to. */
export interface Stage<B = ListenerBench | ClientBench> {
  readonly bench: B;
  readonly intake: HeldIntake;
  readonly peer: Peer;
  /** The address that the intake reads. */
  readonly read: string;
  /** An address that nobody reads: for what the endpoint sends. */
  readonly written: string;
  readonly harness: Harness;
  readonly syntax: AddressSyntax;
  readonly window: number;
}

export interface Case {
  readonly name: string;
  readonly role: 'listener' | 'client' | 'both';
  /** Unsettled messages of one peer, where the case is about that. */
  readonly window?: number;
  run(stage: Stage): Promise<void>;
}

const text = (body: string): PeerMessage => ({ body: Buffer.from(body) });
const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));
const bodies = (taken: readonly Envelope[]): string[] => taken.map((e) => textOf(e.body));
const send = (stage: Stage, init: Omit<EnvelopeInit, 'address'>): Promise<void> =>
  stage.bench.endpoint.sink.send(envelope({ ...init, address: 'elsewhere' }), stage.written);

/** Without what this peer cannot say. */
function full(harness: Harness): PeerMessage {
  const message: PeerMessage = {
    body: Buffer.from([0, 255, 10, 13, 0]),
    headers: [
      ['colour', 'grün: \\ "x"'],
      ['constructor', 'a'],
      ['empty', ''],
    ],
    contentType: 'application/x-test; charset=utf-8',
    correlationId: 'c-42',
    replyTo: harness.address('replies'),
  };
  const said = Object.entries(message).filter(
    ([field]) => !harness.peerLacks.includes(field as keyof PeerMessage),
  );
  return Object.fromEntries(said) as unknown as PeerMessage;
}

const sorted = (headers: PeerMessage['headers']) =>
  [...(headers ?? [])].sort((a, b) => (a[0] < b[0] ? -1 : 1));

export const cases: readonly Case[] = [
  {
    name: 'takes bytes, headers and the fields of a message as they were sent',
    role: 'both',
    async run({ intake, peer, read, harness }) {
      intake.answer = () => accepted;
      const sent = full(harness);
      assert.equal(await peer.publish(read, sent), 'accepted');
      await until(() => intake.taken.length === 1, 'the message has been taken');
      const got = intake.taken[0]!;
      assert.equal(got.address, read);
      assert.deepEqual(Buffer.from(got.body!), sent.body);
      assert.deepEqual(sorted(got.headers.map(([n, v]) => [n, String(v)])), sorted(sent.headers));
      assert.equal(got.contentType, sent.contentType);
      assert.equal(got.correlationId, sent.correlationId);
      assert.equal(got.replyTo, sent.replyTo);
    },
  },
  {
    name: 'takes an empty body, NUL bytes and a large body exactly',
    role: 'both',
    async run({ intake, peer, read, harness }) {
      intake.answer = () => accepted;
      const all = [Buffer.alloc(0), Buffer.from('a\0b\0'), Buffer.alloc(harness.largest, '\0xyz')];
      for (const body of all) assert.equal(await peer.publish(read, { body }), 'accepted');
      await until(() => intake.taken.length === all.length, 'all have been taken');
      const taken = intake.taken.map((e) => Buffer.from(e.body!).toString('hex')).sort();
      assert.deepEqual(taken, all.map((body) => body.toString('hex')).sort());
    },
  },
  {
    name: 'sends bytes, headers and fields as the envelope has them',
    role: 'both',
    async run(stage) {
      const sent = full(stage.harness);
      const inbox = await stage.peer.subscribe(stage.written);
      await send(stage, {
        body: sent.body,
        headers: (sent.headers ?? []).map(([n, v]) => [n, v]),
        contentType: sent.contentType,
        correlationId: sent.correlationId,
        replyTo: sent.replyTo,
      });
      await until(() => inbox.messages.length === 1, 'the message has come');
      const got = inbox.messages[0]!;
      assert.deepEqual(got.body, sent.body);
      assert.deepEqual(sorted(got.headers), sorted(sent.headers));
      assert.equal(got.contentType, sent.contentType);
      assert.equal(got.correlationId, sent.correlationId);
      assert.equal(got.replyTo, sent.replyTo);
    },
  },
  {
    name: 'sends an empty body, NUL bytes and a large body exactly',
    role: 'both',
    async run(stage) {
      const all = [Buffer.alloc(0), Buffer.from('a\0b\0'), Buffer.alloc(stage.harness.largest, '\0xyz')];
      const inbox = await stage.peer.subscribe(stage.written);
      for (const body of all) await send(stage, { body });
      await until(() => inbox.messages.length === all.length, 'all have come');
      assert.deepEqual(
        inbox.messages.map((m) => m.body.toString('hex')).sort(),
        all.map((b) => b.toString('hex')).sort(),
      );
    },
  },
  {
    name: 'keeps the order of one sender, both ways',
    role: 'both',
    async run(stage) {
      stage.intake.answer = () => accepted;
      const inbox = await stage.peer.subscribe(stage.written);
      const sending = numbers(200).map((n) => send(stage, { body: Buffer.from(n), key: 'one' }));
      for (const n of numbers(50)) assert.equal(await stage.peer.publish(stage.read, text(n)), 'accepted');
      await Promise.all(sending);
      await until(() => inbox.messages.length === 200 && stage.intake.taken.length === 50, 'all have come');
      assert.deepEqual(
        inbox.messages.map((m) => String(m.body)),
        numbers(200),
      );
      assert.deepEqual(bodies(stage.intake.taken), numbers(50));
    },
  },
  {
    name: 'tells the sender nothing before the outcome is known',
    role: 'listener',
    async run({ intake, peer, read }) {
      const told = peer.publish(read, text('1'));
      await until(() => intake.taken.length === 1, 'the message has been taken');
      assert.ok(await isPending(told), 'the sender was answered before the outcome');
      intake.settleAll(accepted);
      assert.equal(await told, 'accepted');
    },
  },
  {
    name: 'never tells a sender that a refused message was accepted',
    role: 'listener',
    async run({ bench, intake, read, harness }) {
      for (const outcome of [rejected, released]) {
        const peer = await bench.connect();
        intake.answer = () => outcome;
        assert.equal(await peer.publish(read, text('no')), (harness as ListenerHarness).refusal);
        await peer.close();
      }
      const peer = await bench.connect();
      intake.answer = () => accepted;
      assert.equal(await peer.publish(read, text('yes')), 'accepted', 'others go on');
    },
  },
  {
    name: 'stops at the window of a sender, and goes on when there is room',
    role: 'listener',
    window: 4,
    async run({ intake, peer, read, window }) {
      const told = numbers(window * 3).map((n) => peer.publish(read, text(n)));
      await until(() => intake.taken.length === window, 'the window is full');
      assert.ok(await isPending(Promise.race(told)));
      assert.equal(intake.taken.length, window, 'more were taken than the window allows');
      for (let settled = 0; settled < told.length; settled++) {
        await until(() => intake.taken.length > settled, 'the next has been taken');
        intake.settleOne(accepted);
      }
      assert.deepEqual(
        await Promise.all(told),
        told.map(() => 'accepted'),
      );
    },
  },
  {
    name: 'resolves a send only when a subscriber has confirmed',
    role: 'listener',
    async run(stage) {
      const inbox = await stage.peer.subscribe(stage.written, { hold: true });
      const sending = send(stage, { body: Buffer.from('1') });
      await until(() => inbox.messages.length === 1, 'the message has come');
      assert.ok(await isPending(sending), 'resolved before the subscriber confirmed');
      inbox.confirm();
      await sending;
    },
  },
  {
    name: 'reaches other clients of its own',
    role: 'listener',
    async run({ bench, peer, written }) {
      const inbox = await peer.subscribe(written);
      const other = await bench.connect();
      assert.equal(await other.publish(written, text('hello')), 'accepted');
      await until(() => inbox.messages.length === 1, 'the other client has it');
    },
  },
  {
    name: 'closes only the connection that sends rubbish',
    role: 'listener',
    async run({ bench, intake, peer, read, harness }) {
      intake.answer = () => accepted;
      const at = bench.endpoint.status().at;
      const socket = createConnection(Number(at.slice(at.lastIndexOf(':') + 1)), '127.0.0.1');
      socket.on('error', () => undefined);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.resume();
      socket.write((harness as ListenerHarness).malformed);
      await closed;
      assert.equal(await peer.publish(read, text('still here')), 'accepted');
    },
  },
  {
    name: 'settles what it has taken before it stops, and takes no more',
    role: 'listener',
    async run({ bench, intake, peer, read }) {
      const told = peer.publish(read, text('1'));
      await until(() => intake.taken.length === 1, 'the message has been taken');
      const stopped = bench.endpoint.source.stop();
      assert.ok(await isPending(stopped), 'stopped with a message unsettled');
      intake.settleAll(accepted);
      await stopped;
      assert.equal(await told, 'accepted');
      await bench.endpoint.close();
      await bench.endpoint.close();
      assert.equal(bench.endpoint.status().state, 'closed');
      await assert.rejects(bench.connect());
    },
  },
  {
    name: 'is given again what it had not settled, and not what it had',
    role: 'client',
    async run({ bench, intake, peer, read, syntax }) {
      const client = bench as ClientBench;
      intake.answer = (envelope) => (textOf(envelope.body) === 'settled' ? accepted : undefined);
      await peer.publish(read, text('settled'));
      await until(() => intake.taken.length === 1, 'the first has been taken');
      await peer.publish(read, text('unsettled'));
      await until(() => intake.taken.length === 2, 'the second has been taken');
      await client.endpoint.close();

      const second = new HeldIntake(syntax, read);
      second.answer = () => accepted;
      const again = client.again();
      try {
        await again.open();
        await again.source.start(second);
        await peer.publish(read, text('last'));
        await until(() => bodies(second.taken).includes('last'), 'the second endpoint reads on', 60_000);
        assert.deepEqual(bodies(second.taken), ['unsettled', 'last']);
        await again.source.stop();
      } finally {
        await again.close();
      }
    },
  },
  {
    name: 'tries a released message again by itself',
    role: 'client',
    async run({ intake, peer, read }) {
      let tries = 0;
      intake.answer = () => (++tries < 3 ? released : accepted);
      await peer.publish(read, text('1'));
      await until(() => tries === 3, 'it has been tried again');
      await peer.publish(read, text('2'));
      await until(() => intake.taken.length === 4, 'and what follows is read');
      assert.deepEqual(bodies(intake.taken), ['1', '1', '1', '2']);
    },
  },
  {
    name: 'holds no more than its window unsettled',
    role: 'client',
    window: 4,
    async run({ intake, peer, read, window }) {
      const all = numbers(window * 3);
      for (const n of all) await peer.publish(read, text(n));
      await until(() => intake.taken.length === window, 'the window is full');
      assert.ok(await isPending(until(() => intake.taken.length > window)));
      for (let settled = 0; settled < all.length; settled++) {
        await until(() => intake.taken.length > settled, 'the next has been taken');
        intake.settleOne(accepted);
      }
      assert.deepEqual(bodies(intake.taken).sort(), [...all].sort());
    },
  },
  {
    name: 'fails a send with a retryable error while the broker is away, and recovers by itself',
    role: 'client',
    async run(stage) {
      const bench = stage.bench as ClientBench;
      await send(stage, { body: Buffer.from('before') });
      await bench.stopBroker();
      await assert.rejects(
        send(stage, { body: Buffer.from('lost') }),
        (error: unknown) => error instanceof JunctionError && error.retryable,
      );
      assert.notEqual(bench.endpoint.status().state, 'ready');
      await bench.startBroker();
      await until(() => bench.endpoint.status().state === 'ready', 'it has reconnected', 60_000);
      await send(stage, { body: Buffer.from('after') });
    },
  },
];
