import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { JunctionError } from '../../../src/core/errors.ts';
import { isPending, message, until } from '../../helpers.ts';
import { clientOf, play, polite, Routes, type Got, type Played } from './client-support.ts';

async function against(
  t: TestContext,
  onFrame: (frame: Got, on: Played) => void,
  settings: object = {},
  onConnect?: (on: Played) => void,
) {
  const broker = await play(onFrame, onConnect);
  const made = clientOf({ url: broker.url, connect_timeout: '300ms', ...settings });
  t.after(async () => {
    await made.client.close();
    await broker.close();
  });
  await made.client.open();
  return { ...made, broker };
}

const codeOf = (error: unknown): string => {
  assert.ok(error instanceof JunctionError);
  return error.code;
};

describe('a hostile or faulty STOMP broker', { timeout: 60_000 }, () => {
  const greetings: [string, string | Buffer, RegExp][] = [
    ['garbage', Buffer.from('16030100ff00ff00ff0a0a00', 'hex'), /not taken/],
    ['HTTP', 'HTTP/1.1 400 Bad Request\r\n\r\n', /not a command/],
    [
      'a header named hasOwnProperty',
      'CONNECTED\nversion:1.2\nhasOwnProperty:x\nhasOwnProperty:y\n\n\0',
      /^$/,
    ],
    ['a CONNECTED with a body', 'CONNECTED\nversion:1.2\n\nbody\0', /must not have a body/],
    ['a negative content-length', 'CONNECTED\ncontent-length:-1\n\n\0', /not a decimal/],
    ['a content-length of 4e9', 'ERROR\ncontent-length:4000000000\n\n', /longer than/],
    ['a header without end', `CONNECTED\na:${'x'.repeat(300_000)}`, /headers are longer/],
    ['ten thousand headers', `CONNECTED\n${'a:b\n'.repeat(10_000)}\n\0`, /more than 1000 headers/],
    ['invalid UTF-8', Buffer.from('CONNECTED\na:\xff\n\n\0', 'latin1'), /UTF-8/],
    ['a MESSAGE before CONNECTED', 'MESSAGE\n\n\0', /before CONNECTED/],
    ['another version', 'CONNECTED\nversion:9.9\n\n\0', /not in "versions"/],
    ['a version that was not offered', 'CONNECTED\n\n\0', /STOMP 1\.0/],
    [
      'an ERROR as RabbitMQ writes it',
      "ERROR\nmessage:Bad CONNECT\ncontent-type:text/plain\ncontent-length:29\n\nAccess refused for user 'me'\n\0",
      /Bad CONNECT: Access refused for user 'me'/,
    ],
    ['an ERROR without words', 'ERROR\n\n\0', /without a reason/],
    ['an ERROR of control characters', 'ERROR\nmessage:a\tb\u0007c\n\n\0', /^a b c$/],
  ];
  for (const [name, bytes, reason] of greetings)
    it(`says ${name}: the client ${reason.source === '^$' ? 'takes it' : 'says why it cannot'}`, async (t) => {
      const { client, log } = await against(t, (frame, on) => frame.command === 'CONNECT' && on.write(bytes));
      if (reason.source === '^$') return until(() => client.status().state === 'ready', 'it is ready');
      await until(() => client.status().state === 'failing', 'it fails');
      assert.match(client.status().reason!, reason);
      assert.equal(log.lines.length, 1);
    });

  it('closes at once, or says nothing: the client waits longer each time, and recovers', async (t) => {
    let mended = false;
    const { client, broker } = await against(
      t,
      (frame, on) => mended && polite(frame, on),
      {},
      (on) => !mended && on.socket.end(),
    );
    await until(() => broker.connections.length >= 4, 'it has tried some times');
    assert.ok(broker.connections.length < 20, 'it does not spin');
    mended = true;
    await until(() => client.status().state === 'ready', 'it is ready');
  });

  it('says nothing after CONNECT: the client gives up in time', async (t) => {
    const { client, broker } = await against(t, () => undefined);
    await until(() => client.status().state === 'failing', 'it fails');
    assert.match(client.status().reason!, /did not answer CONNECT within 300 ms/);
    await until(() => broker.connections[0]!.closed, 'and leaves no connection');
  });

  it('falls silent: the client notices by heart-beats, and sends its own', async (t) => {
    const { client, broker } = await against(t, (frame, on) => polite(frame, on, 'heart-beat:50,50\n'), {
      heart_beat: '50ms',
    });
    await until(() => client.status().state === 'ready', 'it is ready');
    await until(() => broker.connections[0]!.closed, 'it has noticed');
    assert.ok(broker.connections[0]!.beats > 0);
    await until(() => broker.connections.length > 1, 'it comes back');
  });

  it('asks for absurd heart-beats: nothing overflows', async (t) => {
    for (const beat of ['4000000000,4000000000', '1,1', 'x', '99999999999999999999999,1']) {
      const { client, broker } = await against(t, (frame, on) => polite(frame, on, `heart-beat:${beat}\n`));
      await until(() => client.status().state === 'ready', 'it is ready');
      await client.sink.send(message('/queue/a'), '/queue/a');
      assert.equal(broker.connections.length, 1);
    }
  });

  it('never confirms: the sender is told in time, and nothing is lost when it does later', async (t) => {
    let confirm = false;
    const { client, broker } = await against(
      t,
      (frame, on) => (confirm || frame.command === 'CONNECT') && polite(frame, on),
      { timeout: '200ms' },
    );
    assert.equal(await client.sink.send(message('/queue/a'), '/queue/a').catch(codeOf), 'timeout');
    confirm = true;
    broker.connections[0]!.socket.destroy();
    await until(() => broker.connections.length > 1, 'it comes back');
    await until(() => client.status().state === 'ready', 'it is ready');
    await client.sink.send(message('/queue/a', 2), '/queue/a');
  });

  it('confirms what was never sent, and sends messages nobody asked for: both are passed over', async (t) => {
    const { client } = await against(t, (frame, on) => {
      if (frame.command === 'SEND')
        on.write('RECEIPT\nreceipt-id:constructor\n\n\0RECEIPT\n\n\0MESSAGE\nsubscription:__proto__\n\nx\0');
      polite(frame, on);
    });
    await client.sink.send(message('/queue/a'), '/queue/a');
  });

  it('resolves a send by its receipt only', async (t) => {
    const sent: string[] = [];
    const { client, broker } = await against(t, (frame, on) => {
      if (frame.command === 'SEND') sent.push(frame.get('receipt')!);
      else polite(frame, on);
    });
    const all = ['a', 'b', 'c'].map((body) => client.sink.send(message('/queue/a', body), '/queue/a'));
    await until(() => sent.length === 3, 'all are under way');
    assert.ok(await isPending(Promise.race(all)));
    broker.connections[0]!.write(`RECEIPT\nreceipt-id:${sent[1]}\n\n\0`);
    await all[1];
    assert.ok(await isPending(Promise.race([all[0], all[2]])));
    for (const id of [sent[0], sent[2]]) broker.connections[0]!.write(`RECEIPT\nreceipt-id:${id}\n\n\0`);
    await Promise.all(all);
  });

  for (const named of [true, false])
    it(`refuses one of many by an ERROR ${named ? 'that names it' : 'without saying which'}: that one fails alone`, async (t) => {
      const bodies: string[] = [];
      const { client } = await against(t, (frame, on) => {
        const body = String(frame.body);
        if (frame.command !== 'SEND') return polite(frame, on);
        if (on.socket.writableEnded) return;
        if (body === 'bad')
          return on.socket.end(
            `ERROR\nmessage:access refused\n${named ? `receipt-id:${frame.get('receipt')}\n` : ''}\n\0`,
          );
        bodies.push(body);
        // a broker that confirms late: the ERROR comes before
        setTimeout(() => on.socket.writableEnded || polite(frame, on), 20);
      });
      const names = ['1', '2', 'bad', '4', '5', 'bad', '7'];
      const told = await Promise.all(
        names.map((name) => client.sink.send(message('/queue/a', name), '/queue/a').then(() => 'ok', codeOf)),
      );
      assert.deepEqual(told, ['ok', 'ok', 'not-authorized', 'ok', 'ok', 'not-authorized', 'ok']);
      for (const name of ['1', '2', '4', '5', '7']) assert.ok(bodies.includes(name));
    });

  it('splits its frames anywhere, with CRLF and UTF-8: all is read as it was meant', async (t) => {
    const bytes = Buffer.from(
      'MESSAGE\r\nsubscription:S\r\nmessage-id:1\r\nack:a1\r\ndestination:/queue/a\r\nname:grün\\c\\r\\n\r\nname:again\r\nhasOwnProperty:1\r\n__proto__:2\r\ncontent-length:4\r\n\r\n\0ü\n\0\r\n\n',
    );
    const { client, broker } = await against(t, (frame, on) => {
      polite(frame, on);
      if (frame.command !== 'SUBSCRIBE') return;
      const own = Buffer.from(bytes.toString('latin1').replace('S\r', `${frame.get('id')}\r`), 'latin1');
      for (let at = 0; at < own.length; at++) setImmediate(() => on.socket.write(own.subarray(at, at + 1)));
    });
    const routes = new Routes('/queue/a');
    await client.source.start(routes);
    await until(() => routes.taken.length === 1, 'the message has come');
    const [got] = routes.taken;
    assert.deepEqual(Buffer.from(got!.body!), Buffer.from('\0ü\n'));
    assert.deepEqual(got!.headers, [
      ['name', 'grün:\r\n'],
      ['hasOwnProperty', '1'],
      ['__proto__', '2'],
    ]);
    await until(
      () =>
        broker.connections.some(({ frames }) =>
          frames.some((f) => f.command === 'ACK' && f.get('id') === 'a1'),
        ),
      'it is acknowledged',
    );
  });

  it('ignores the prefetch: no more than the window is taken, and the line stays open', async (t) => {
    const count = 50;
    const { client, broker } = await against(
      t,
      (frame, on) => {
        polite(frame, on, 'heart-beat:30,30\n');
        if (frame.command === 'CONNECT') {
          const beat = setInterval(() => on.socket.write('\n'), 20);
          on.socket.once('close', () => clearInterval(beat));
        }
        if (frame.command !== 'SUBSCRIBE') return;
        for (let n = 0; n < count; n++)
          on.write(
            `MESSAGE\nsubscription:${frame.get('id')}\nmessage-id:${n}\nack:${n}\ndestination:/queue/a\n\n${n}\0`,
          );
      },
      { window: 4, heart_beat: '30ms' },
    );
    const routes = new Routes('/queue/a');
    const held: (() => void)[] = [];
    routes.answer = () => new Promise((resolve) => held.push(() => resolve({ state: 'accepted' })));
    await client.source.start(routes);
    await until(() => held.length === 4, 'the window is full');
    const beats = () => broker.connections.at(-1)!.beats;
    const before = beats();
    await until(() => beats() > before + 6, 'some beats later');
    assert.equal(routes.taken.length, 4);
    for (let n = 0; n < count; n++) {
      await until(() => held.length > n, 'the next has been taken');
      held[n]!();
    }
    const acks = () =>
      broker.connections.flatMap(({ frames }) => frames.filter(({ command }) => command === 'ACK'));
    await until(() => acks().length === count, 'all are acknowledged');
    assert.deepEqual(
      acks().map((frame) => frame.get('id')),
      Array.from({ length: count }, (_, n) => String(n)),
    );
  });

  for (const [version, ack] of [
    [
      '1.1',
      [
        ['message-id', 'm1'],
        ['subscription', true],
      ],
    ],
    ['1.2', [['id', 'a1']]],
  ] as const)
    it(`settles in the words of STOMP ${version}`, async (t) => {
      const { client, broker } = await against(t, (frame, on) => {
        if (frame.command === 'CONNECT') return on.write(`CONNECTED\nversion:${version}\n\n\0`);
        polite(frame, on);
        if (frame.command === 'SUBSCRIBE')
          on.write(
            `MESSAGE\nsubscription:${frame.get('id')}\nmessage-id:m1\nack:a1\ndestination:/queue/a\n\nx\0`,
          );
      });
      const routes = new Routes('/queue/a');
      routes.answer = () => ({ state: 'rejected', error: new JunctionError('refused', 'no') });
      await client.source.start(routes);
      const find = () =>
        broker.connections.flatMap(({ frames }) => frames).find(({ command }) => command === 'NACK');
      await until(() => find() !== undefined, 'it is refused');
      const id = broker.connections
        .flatMap(({ frames }) => frames)
        .find((f) => f.command === 'SUBSCRIBE')!
        .get('id');
      assert.deepEqual(
        find()!.headers.map(([n, v]) => [n, v]),
        ack.map(([n, v]) => [n, v === true ? id : v]),
      );
    });

  it('speaks STOMP 1.0, where nothing can be refused: the message is kept, and the state says so', async (t) => {
    const { client, broker } = await against(
      t,
      (frame, on) => {
        if (frame.command === 'CONNECT') return on.write('CONNECTED\nsession:1\n\n\0');
        polite(frame, on);
        if (frame.command === 'SUBSCRIBE') on.write('MESSAGE\nmessage-id:m1\ndestination:/queue/a\n\nx\0');
      },
      { versions: ['1.0'] },
    );
    const routes = new Routes('/queue/a');
    routes.answer = () => ({ state: 'rejected', error: new JunctionError('refused', 'no') });
    await client.source.start(routes);
    await until(() => client.status().state === 'failing', 'the state says so');
    assert.match(client.status().reason!, /kept unacknowledged/);
    assert.ok(!broker.connections.some(({ frames }) => frames.some(({ command }) => /ACK/.test(command))));
  });

  it('does not subscribe without patterns, and stops and closes whatever the broker does', async (t) => {
    const { client, broker } = await against(
      t,
      (frame, on) => frame.command === 'CONNECT' && polite(frame, on),
    );
    await until(() => client.status().state === 'ready', 'it is ready');
    await client.source.start(new Routes());
    await client.source.stop();
    assert.equal(broker.connections.length, 1);
    await Promise.all([client.close(), client.close()]);
    assert.equal(client.status().state, 'closed');
    await until(() => broker.connections[0]!.closed, 'no connection is left');
    assert.equal(await client.sink.send(message('/queue/a'), '/queue/a').catch(codeOf), 'closed');
  });

  it('never confirms a subscription: closing does not wait for it', async (t) => {
    const { client, broker } = await against(
      t,
      (frame, on) => frame.command === 'CONNECT' && polite(frame, on),
    );
    await client.source.start(new Routes('/queue/a'));
    await until(
      () => broker.connections.some(({ frames }) => frames.some(({ command }) => command === 'SUBSCRIBE')),
      'it asks',
    );
    assert.equal(client.status().state, 'connecting');
    await client.close();
  });
});
