import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import rhea, { type Connection, type Receiver } from 'rhea';
import type { Header } from '../../../src/core/envelope.ts';
import { message, until } from '../../helpers.ts';
import {
  collect,
  connect,
  errorOf,
  happens,
  openReceiver,
  openSender,
  Publisher,
  startListener,
} from './support.ts';

const selecting = (text: string) => rhea.filter.selector(text) as object;
const { types } = rhea;
const noLocal = { 'no-local': types.wrap_described(types.wrap_list([]), 'apache.org:no-local-filter:list') };

const to = (address: string, filter: object, more: object = {}) =>
  ({ source: { address, filter, ...more } }) as never;

async function refusal(
  connection: Connection,
  filter: object,
): Promise<{ condition: string; description: string }> {
  const receiver = connection.open_receiver(to('a', filter));
  receiver.on('receiver_error', () => undefined);
  await happens(receiver, 'receiver_close');
  return errorOf(receiver)!;
}

/** What our attach says is in force: the names of filters. */
const inForce = (receiver: Receiver): string[] =>
  Object.keys((receiver.source.filter as unknown as Record<string, unknown> | undefined) ?? {});

const red: Partial<{ headers: Header[] }> = { headers: [['colour', 'red']] };
const blue: Partial<{ headers: Header[] }> = { headers: [['colour', 'blue']] };

describe('filters of a receiver', { timeout: 60_000 }, () => {
  it('take their part of a queue, by either name of the selector; the rest waits for others', async () => {
    const { port, listener } = await startListener();
    const connection = await connect(port);
    const byCode = await openReceiver(connection, to('q', selecting("colour = 'red'")));
    assert.deepEqual(inForce(byCode), ['jms-selector']);
    const reds = collect(byCode);
    const named = {
      mine: types.wrap_described(types.wrap_string('large AND n > 5'), 'apache.org:selector-filter:string'),
    };
    const byName = await openReceiver(connection, to('q', named));
    assert.deepEqual(inForce(byName), ['mine']);
    const larges = collect(byName);
    const sent = ['1', '2', '3'].map((n) => listener.sink.send(message('a', n, n === '2' ? red : blue), 'q'));
    await sent[1];
    assert.deepEqual(reds, ['2']);
    const publisher = new Publisher(await openSender(connection, 'q'));
    const properties = { large: true, n: types.wrap_int(6) };
    assert.equal((await publisher.send('4', { application_properties: properties })).state, 'accepted');
    assert.deepEqual(larges, ['4']);
    const all = collect(await openReceiver(connection, 'q'));
    await Promise.all(sent);
    assert.deepEqual([all, reds], [['1', '3'], ['2']]);
  });

  it('keep from a topic’s subscriber what is not for it, shared or not', async () => {
    const { port, listener } = await startListener({ topics: ['t'] });
    const connection = await connect(port);
    const alone = collect(await openReceiver(connection, to('t', selecting("colour = 'red'"))));
    const shared = (name: string, filter: object) =>
      ({ ...(to('t', filter, { capabilities: ['topic', 'shared'] }) as object), name }) as never;
    const one = collect(await openReceiver(connection, shared('s', selecting("colour = 'blue'"))));
    const two = collect(await openReceiver(connection, shared('s|2', selecting("colour = 'blue'"))));
    const other = connection.open_receiver(shared('s|3', selecting("colour = 'red'")));
    other.on('receiver_error', () => undefined);
    await happens(other, 'receiver_close');
    assert.match(errorOf(other)!.description, /with the selector colour = 'blue'/);
    for (const [n, over] of [red, blue, red, blue].entries())
      await listener.sink.send(message('t', n, over), 't');
    await until(() => alone.length + one.length + two.length === 4);
    assert.deepEqual(
      [alone, [...one, ...two].sort()],
      [
        ['0', '2'],
        ['1', '3'],
      ],
    );
  });

  it('keep from a subscriber of a topic what its own connection sends', async () => {
    const { port, listener } = await startListener({ topics: ['t'] });
    const connection = await connect(port);
    const mine = await openReceiver(connection, to('t', { ...noLocal, ...selecting('x IS NULL') }));
    assert.deepEqual(inForce(mine).sort(), ['jms-selector', 'no-local']);
    const got = collect(mine);
    const queue = await openReceiver(connection, to('q', noLocal));
    assert.deepEqual(inForce(queue), [], 'a queue has no such filter');
    const fromQueue = collect(queue);
    const send = async (from: Connection, address: string, text: string) =>
      assert.equal((await new Publisher(await openSender(from, address)).send(text)).state, 'accepted');
    await send(connection, 't', 'own');
    await send(await connect(port), 't', 'other');
    await listener.sink.send(message('t', 'route'), 't');
    await send(connection, 'q', 'own');
    await until(() => got.length === 2 && fromQueue.length === 1);
    assert.deepEqual([got, fromQueue], [['other', 'route'], ['own']]);
  });

  it('are refused where they are not understood, with the place of what is wrong', async () => {
    const { port } = await startListener({ topics: ['t'] });
    const connection = await connect(port);
    const wrong = await refusal(connection, selecting("colour = 'red' AND"));
    assert.equal(wrong.condition, 'amqp:invalid-field');
    assert.match(wrong.description, /^selector, at character 19: expected a name.*found the end/);
    const selector = 'apache.org:selector-filter:string';
    assert.equal(
      (await refusal(connection, { x: types.wrap_described(5, selector) })).condition,
      'amqp:invalid-field',
    );
    const twice = {
      ...selecting('a = 1'),
      again: types.wrap_described(types.wrap_string('b = 1'), selector),
    };
    assert.match((await refusal(connection, twice)).description, /one selector/);
    const unknown = await refusal(connection, {
      x: types.wrap_described(types.wrap_string('y'), 'org:other'),
    });
    assert.equal(unknown.condition, 'amqp:not-implemented');
    assert.match(unknown.description, /org:other/);
    const bare = await refusal(connection, { 'my-filter': 'y' });
    assert.match(bare.description, /my-filter/);
    const none = await openReceiver(connection, to('t', selecting(' ')));
    assert.deepEqual(inForce(none), ['jms-selector'], 'an empty selector takes everything');
  });
});
