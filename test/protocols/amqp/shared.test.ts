import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Connection, Delivery, EventContext, Receiver } from 'rhea';
import { until } from '../../helpers.ts';
import {
  bodyText,
  connect,
  errorOf,
  happens,
  openReceiver,
  openSender,
  Publisher,
  startListener,
} from './support.ts';

const topics = ['events.#'];

interface Member {
  readonly receiver: Receiver;
  readonly got: { readonly text: string; readonly count: number; readonly delivery: Delivery }[];
}

/** A member of a shared subscription that accepts nothing by itself. */
async function join(
  connection: Connection,
  name: string,
  { address = 'events.a', credit = 100, global = true } = {},
): Promise<Member> {
  const capabilities = global ? ['topic', 'shared', 'global'] : ['topic', 'shared'];
  const receiver = await openReceiver(connection, {
    name,
    source: { address, capabilities } as never,
    autoaccept: false,
    credit_window: 0,
  });
  const got: Member['got'] = [];
  receiver.on('message', ({ message, delivery }: EventContext) =>
    got.push({ text: bodyText(message), count: message!.delivery_count ?? 0, delivery: delivery! }),
  );
  receiver.add_credit(credit);
  return { receiver, got };
}

const texts = (...members: Member[]): string[] =>
  members.flatMap(({ got }) => got.map(({ text }) => text)).sort();

describe('a shared subscription', { timeout: 60_000 }, () => {
  it('is named by the links of one name and the word global, whatever the container', async () => {
    const { port } = await startListener({ topics });
    const connection = await connect(port);
    const members = [
      await join(connection, 'work|global-volatile1'),
      await join(connection, 'work|global-volatile2'),
      await join(await connect(port), 'work'),
    ];
    const other = await join(await connect(port), 'other');
    const publisher = new Publisher(await openSender(await connect(port), 'events.a'));
    const told = ['1', '2', '3', '4', '5', '6'].map((text) => publisher.send(text));
    await until(() => texts(...members).length === 6 && other.got.length === 6);
    assert.deepEqual(texts(...members), ['1', '2', '3', '4', '5', '6']);
    assert.deepEqual(
      members.map(({ got }) => got.length),
      [2, 2, 2],
    );
    assert.equal(publisher.unanswered, 6);
    for (const { got } of [...members, other]) for (const { delivery } of got) delivery.accept();
    assert.deepEqual(new Set((await Promise.all(told)).map(({ state }) => state)), new Set(['accepted']));
  });

  it('belongs to its container without the word global', async () => {
    const { port } = await startListener({ topics });
    const mine = { container_id: 'mine' };
    const one = await join(await connect(port, mine), 'work|volatile1', { global: false });
    const two = await join(await connect(port, mine), 'work|volatile1', { global: false });
    const theirs = await join(await connect(port, { container_id: 'theirs' }), 'work', { global: false });
    const everybodys = await join(await connect(port, mine), 'work');
    const publisher = new Publisher(await openSender(await connect(port), 'events.a'));
    for (const text of ['1', '2', '3', '4']) void publisher.send(text);
    await until(() => theirs.got.length === 4 && everybodys.got.length === 4);
    await until(() => texts(one, two).length === 4);
    assert.deepEqual(texts(one, two), ['1', '2', '3', '4']);
    assert.equal(one.got.length, 2);
  });

  it('gives what a member releases, or leaves when it goes, to another', async () => {
    const { port } = await startListener({ topics });
    const leaving = await connect(port);
    const first = await join(leaving, 'work|1');
    const publisher = new Publisher(await openSender(await connect(port), 'events.a'));
    const told = ['1', '2', '3'].map((text) => publisher.send(text));
    await until(() => first.got.length === 3);
    const second = await join(await connect(port), 'work|2');
    first.got[0]!.delivery.release({ delivery_failed: true, undeliverable_here: false });
    await until(() => second.got.length === 1);
    leaving.close();
    await until(() => second.got.length === 3);
    assert.deepEqual(
      second.got.map(({ text, count }) => [text, count]),
      [
        ['1', 1],
        ['2', 1],
        ['3', 1],
      ],
    );
    assert.equal(publisher.unanswered, 3);
    for (const { delivery } of second.got) delivery.accept();
    for (const one of told) assert.equal((await one).state, 'accepted');
  });

  it('gives each member no more than its credit', async () => {
    const { port } = await startListener({ topics });
    const slow = await join(await connect(port), 'work|1', { credit: 1 });
    const fast = await join(await connect(port), 'work|2', { credit: 3 });
    const publisher = new Publisher(await openSender(await connect(port), 'events.a'));
    for (const text of ['1', '2', '3', '4', '5']) void publisher.send(text);
    await until(() => slow.got.length === 1 && fast.got.length === 3);
    slow.receiver.add_credit(5);
    await until(() => slow.got.length === 2);
    assert.deepEqual(texts(slow, fast), ['1', '2', '3', '4', '5']);
  });

  it('ends with its last link, and its name is then free for another address', async () => {
    const { port } = await startListener({ topics });
    const connection = await connect(port);
    const { receiver } = await join(connection, 'work');
    const refused = (await connect(port)).open_receiver({
      name: 'work',
      source: { address: 'events.b', capabilities: ['shared', 'global'] } as never,
    });
    refused.on('receiver_error', () => undefined);
    await happens(refused, 'receiver_close');
    assert.equal(errorOf(refused)?.condition, 'amqp:resource-locked');
    assert.match(errorOf(refused)!.description, /events\.a/);
    receiver.close();
    await happens(receiver, 'receiver_close');
    const again = await join(connection, 'work', { address: 'events.b' });
    const publisher = new Publisher(await openSender(connection, 'events.b'));
    void publisher.send('new');
    await until(() => again.got.length === 1);
  });

  it('is not durable: that is refused, and what does not exist cannot be ended', async () => {
    const { port } = await startListener({ topics });
    const connection = await connect(port);
    const refused = async (options: object): Promise<string> => {
      const receiver = connection.open_receiver(options);
      receiver.on('receiver_error', () => undefined);
      await happens(receiver, 'receiver_close');
      return `${errorOf(receiver)!.condition}: ${errorOf(receiver)!.description}`;
    };
    const durable = { address: 'events.a', capabilities: ['topic', 'shared'], durable: 2 };
    assert.match(
      await refused({ name: 's|1', source: durable }),
      /^amqp:not-implemented: durable .*nothing is stored/,
    );
    const never = { address: 'events.a', expiry_policy: 'never' };
    assert.match(await refused({ name: 's|2', source: never }), /^amqp:not-implemented: durable/);
    const { got } = await join(connection, 'work');
    const publisher = new Publisher(await openSender(connection, 'events.a'));
    void publisher.send('still here');
    await until(() => got.length === 1);
  });
});
