import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Envelope } from '../../src/core/envelope.ts';
import { JunctionError, type ErrorCode } from '../../src/core/errors.ts';
import type { StoredDeadLetter } from '../../src/core/storage.ts';
import { message } from '../helpers.ts';
import { gateway, MemoryStore, Recorder, route } from './support.ts';

const fails = (code: ErrorCode) => Promise.reject(new JunctionError(code, 'it does not fit'));
const valueOf = ({ headers }: Envelope, name: string) => headers.find(([each]) => each === name)?.[1];

describe('a message whose delivery has failed for good', () => {
  it('goes to the dead-letter endpoint whole, with headers that say what became of it', async () => {
    const [dead, x] = [new Recorder(), new Recorder(() => fails('refused'))];
    const { dispatcher, log } = gateway(
      [
        route('r', ['mqtt', 'a/{n}'], [['x', 'b.{n}', {}]], {
          deadLetter: { endpoint: 'dead', address: 'graves' },
        }),
      ],
      { x, dead },
    );
    const before = Date.now();
    const expiresAt = before + 60_000;
    const sent = message('a/1', 'body', {
      id: 'id-1',
      key: 'k',
      headers: [
        ['kind', 7, 'int'],
        ['junction-dead-route', 'an earlier death'],
      ],
      expiresAt,
      retain: true,
      contentType: 'text/plain',
      correlationId: 9n,
      origin: {},
    });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(sent)).state, 'accepted');
    assert.equal(dispatcher.counters.deadLettered, 1);
    const [[address, letter]] = dead.sent as [[string, Envelope]];
    assert.equal(address, 'graves');
    const { headers, identity, ...rest } = letter;
    assert.match(identity!, / r x b\.1$/);
    assert.deepEqual(rest, {
      ...Object.fromEntries(
        Object.entries(sent).filter(([name]) => name !== 'headers' && name !== 'identity'),
      ),
      expiresAt: undefined,
      retain: false,
      hops: 1,
      via: ['r'],
      origin: undefined,
    });
    assert.deepEqual(
      headers.filter(([name]) => !/-at$/.test(name)),
      [
        ['kind', 7, 'int'],
        ['junction-dead-code', 'refused'],
        ['junction-dead-reason', 'it does not fit'],
        ['junction-dead-route', 'r'],
        ['junction-dead-source', 'mqtt'],
        ['junction-dead-endpoint', 'x'],
        ['junction-dead-target', 'b.1'],
        ['junction-dead-attempts', 1, 'int'],
        ['junction-dead-address', 'a/1'],
      ],
    );
    for (const name of ['junction-dead-first-at', 'junction-dead-last-at']) {
      const at = Number(valueOf(letter, name));
      assert.ok(at >= before && at <= Date.now(), name);
    }
    assert.equal(valueOf(letter, 'junction-dead-expires-at'), expiresAt);
    assert.match(log.lines[0]!.message, /^a message became a dead letter: it does not fit/);
  });

  it('goes to the store with the message as its source handed it over', async () => {
    const [store, x] = [new MemoryStore(), new Recorder(() => fails('too-large'))];
    const { dispatcher } = gateway(
      [route('r', ['mqtt', 'a'], [['x', 'b', {}]], { deadLetter: 'store' })],
      { x },
      { store },
    );
    const sent = message('a', 1, { hops: 2, origin: {} });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(sent)).state, 'accepted');
    const [{ firstAt, lastAt, ...letter }] = [...store.letters.values()] as [StoredDeadLetter];
    assert.ok(firstAt <= lastAt);
    assert.deepEqual(letter, {
      id: '1',
      message: { ...sent, origin: undefined },
      source: 'mqtt',
      route: 'r',
      endpoint: 'x',
      address: 'b',
      code: 'too-large',
      reason: 'it does not fit',
      attempts: 1,
    });
  });

  it('is not taken from its source where the dead letter cannot be kept', async () => {
    const [dead, x] = [new Recorder(() => fails('refused')), new Recorder(() => fails('refused'))];
    for (const deadLetter of ['store', { endpoint: 'dead', address: 'graves' }] as const) {
      const { dispatcher, log } = gateway([route('r', ['mqtt', 'a'], [['x', 'b', {}]], { deadLetter })], {
        x,
        dead,
      });
      const outcome = await dispatcher.intakeOf('mqtt').deliver(message('a'));
      assert.equal(outcome.state, 'released');
      assert.equal(dispatcher.counters.deadLettered, 0);
      assert.match(log.lines[0]!.message, /its dead letter could not be put into/);
    }
  });

  it('is told to its source without dead letters', async () => {
    const x = new Recorder(() => fails('refused'));
    const { dispatcher } = gateway([route('r', ['mqtt', 'a'], [['x', 'b', {}]])], { x });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'rejected');
  });

  it('may be one whose target address cannot be; other targets get it', async () => {
    const [store, amqp, kafka] = [new MemoryStore(), new Recorder(), new Recorder()];
    const { dispatcher } = gateway(
      [
        route(
          'r',
          ['mqtt', 'p/{x}'],
          [
            ['kafka', 'all', {}],
            ['amqp', 't.{x}', {}],
          ],
          { deadLetter: 'store' },
        ),
        route('s', ['mqtt', 'p/#'], [['kafka', 'more', {}]]),
      ],
      { amqp, kafka },
      { store },
    );
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('p/a.b'))).state, 'accepted');
    assert.deepEqual(
      kafka.sent.map(([address]) => address),
      ['all', 'more'],
    );
    assert.equal(amqp.sent.length, 0);
    const [letter] = store.letters.values();
    assert.deepEqual([letter!.code, letter!.address, letter!.attempts], ['invalid-message', 't.{x}', 0]);
  });
});
