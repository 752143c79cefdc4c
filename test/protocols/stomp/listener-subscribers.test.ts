import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { envelope } from '../../../src/core/envelope.ts';
import { client, listen, until, type RawClient } from './support.ts';

const subscribe = (id: string, destination: string, more = '') =>
  `SUBSCRIBE\nid:${id}\ndestination:${destination}\nreceipt:${id}\n${more}\n^@`;
const bodies = (raw: RawClient): string[] => raw.messages().map((m) => m.body.toString());
const message = (text: string) => envelope({ address: 'x', body: Buffer.from(text) });

describe('subscribers', { timeout: 60_000 }, () => {
  it('acknowledges by version, cumulatively with ack:client', async (t) => {
    for (const version of ['1.0', '1.1', '1.2'] as const)
      for (const mode of ['client', 'client-individual'] as const) {
        const { port, listener } = await listen(t);
        const raw = await client(t, port, version);
        raw.write(subscribe('s', '/queue/a', `ack:${mode}\n`));
        await raw.next('RECEIPT');
        const settled: number[] = [];
        for (let i = 0; i < 4; i++)
          void listener.sink.send(message(`${i}`), '/queue/a').then(
            () => settled.push(i),
            () => undefined,
          );
        const got = [await raw.next('MESSAGE'), await raw.next('MESSAGE'), await raw.next('MESSAGE')];
        await raw.next('MESSAGE');
        const id = got[2]!.headers.get('message-id')!;
        const by = {
          '1.0': `message-id:${id}\n`,
          '1.1': `subscription:s\nmessage-id:${id}\n`,
          '1.2': `id:${got[2]!.headers.get('ack')}\n`,
        }[version];
        raw.write(`ACK\n${by}receipt:done\n\n^@`);
        await until(() => raw.receipts().includes('done'), 'the receipt of the ACK');
        await until(() => settled.length > 0, 'a settlement');
        assert.deepEqual(settled, mode === 'client' ? [0, 1, 2] : [2], `${version} ${mode}`);
        if (mode === 'client') {
          // naming what is settled already is no error
          raw.write(`ACK\n${by}receipt:again\n\n^@`);
          await until(() => raw.receipts().includes('again') || raw.closed, 'the second receipt');
          assert.ok(raw.receipts().includes('again'));
        }
      }
  });

  it('gives back what is NACKed, marked as redelivered', async (t) => {
    const { port, listener } = await listen(t);
    const raw = await client(t, port);
    raw.write(subscribe('s', '/queue/a', 'ack:client-individual\n'));
    await raw.next('RECEIPT');
    const sent = listener.sink.send(message('1'), '/queue/a');
    const first = await raw.next('MESSAGE');
    assert.equal(first.headers.has('redelivered'), false);
    raw.write(`NACK\nid:${first.headers.get('ack')}\n\n^@`);
    const second = await raw.next('MESSAGE');
    assert.equal(second.headers.get('redelivered'), 'true');
    raw.write(`ACK\nid:${second.headers.get('ack')}\n\n^@`);
    await sent;
  });

  it('gives a subscriber with a selector what it matches: of a queue the rest waits for others', async (t) => {
    const { port, listener } = await listen(t);
    const [picky, topical, any] = [await client(t, port), await client(t, port), await client(t, port)];
    const selector = "selector:colour = 'red' AND n > 5\n";
    picky.write(subscribe('s', '/queue/a', selector));
    topical.write(subscribe('s', '/topic/a', selector) + subscribe('all', '/topic/b', 'selector: \n'));
    await picky.next('RECEIPT');
    await until(() => topical.receipts().length === 2, 'both subscriptions');
    const said = (n: number, colour: string) =>
      `SEND\ndestination:/queue/a\ncolour:${colour}\nn:${n}\nreceipt:${n}\n\n${n}^@`;
    any.write(said(5, 'red') + said(6, 'blue') + said(7, 'red'));
    await until(() => any.receipts().includes('7'), 'what it matches');
    assert.deepEqual([bodies(picky), any.receipts()], [['7'], ['7']]);
    any.write(subscribe('s', '/queue/a'));
    await until(() => any.receipts().length === 4, 'the rest');
    assert.deepEqual([bodies(picky), bodies(any)], [['7'], ['5', '6']]);
    any.write([said(8, 'blue'), said(9, 'red')].join('').replaceAll('/queue/', '/topic/'));
    await listener.sink.send(message('all'), '/topic/b');
    await until(() => topical.messages().length === 2 && any.receipts().length === 6, 'what is for it');
    assert.deepEqual(bodies(topical).sort(), ['9', 'all']);
  });

  it('tells where a selector is wrong', async (t) => {
    const { port } = await listen(t);
    const raw = await client(t, port);
    raw.write(subscribe('s', '/queue/a', "selector:colour = 'red' AND\n"));
    const error = await raw.next('ERROR');
    assert.equal(error.headers.get('error-code'), 'invalid-message');
    assert.match(error.body.toString(), /selector, at character 19: expected a name/);
  });

  it('shares a queue in turns and gives what a lost client held to the next', async (t) => {
    const { port } = await listen(t);
    const [one, two, sender] = [await client(t, port), await client(t, port), await client(t, port)];
    for (const raw of [one, two]) {
      raw.write(subscribe('s', '/queue/a', 'ack:client-individual\n'));
      await raw.next('RECEIPT');
    }
    for (let i = 0; i < 10; i++) sender.write(`SEND\ndestination:/queue/a\nreceipt:${i}\n\n${i}^@`);
    await until(() => one.messages().length === 5 && two.messages().length === 5, 'five each');
    assert.deepEqual(sender.receipts(), []);
    one.close();
    await until(() => two.messages().length === 10, 'the rest');
    assert.equal(new Set(bodies(two)).size, 10);
    assert.equal(two.messages().filter((m) => m.headers.get('redelivered') === 'true').length, 5);
    for (const m of two.messages()) two.write(`ACK\nid:${m.headers.get('ack')}\n\n^@`);
    await until(() => sender.receipts().length === 10, 'all receipts');
  });

  it('keeps to the prefetch, by whichever name, and to that of the configuration', async (t) => {
    const { port, listener } = await listen(t, { prefetch: 3 });
    for (const [header, most] of [
      ['', 3],
      ['prefetch-count:2\n', 2],
      ['activemq.prefetchSize:1\n', 1],
    ] as const) {
      const raw = await client(t, port);
      raw.write(subscribe('s', '/queue/p', `ack:client\n${header}`));
      await raw.next('RECEIPT');
      const sent = Array.from({ length: 6 }, (_, i) => listener.sink.send(message(`${i}`), '/queue/p'));
      await until(() => raw.messages().length === most, 'the prefetch');
      await raw.settled();
      assert.equal(raw.messages().length, most);
      while (raw.messages().length < 6) {
        const have = raw.messages().length;
        raw.write(`ACK\nid:${raw.messages().at(-1)!.headers.get('ack')}\n\n^@`);
        await until(() => raw.messages().length > have, 'more');
      }
      raw.write(`ACK\nid:${raw.messages().at(-1)!.headers.get('ack')}\n\n^@`);
      await Promise.all(sent);
      raw.close();
    }
  });

  it('matches wildcards in topics, and sends nothing after UNSUBSCRIBE', async (t) => {
    const { port } = await listen(t);
    const raw = await client(t, port);
    raw.write(
      subscribe('one', '/topic/a.*') + subscribe('rest', '/topic/a.>') + subscribe('hash', '/topic/b/#'),
    );
    await until(() => raw.receipts().length === 3, 'the subscriptions');
    for (const to of ['/topic/a.x', '/topic/a.x.y', '/topic/b/c/d', '/topic/c'])
      raw.write(`SEND\ndestination:${to}\nreceipt:${to}\n\n${to}^@`);
    await until(() => raw.receipts().length === 7, 'the receipts');
    assert.deepEqual(
      raw
        .messages()
        .map((m) => [m.headers.get('subscription'), m.body.toString()])
        .sort(),
      [
        ['hash', '/topic/b/c/d'],
        ['one', '/topic/a.x'],
        ['rest', '/topic/a.x'],
        ['rest', '/topic/a.x.y'],
      ],
    );
    raw.write('UNSUBSCRIBE\nid:rest\nreceipt:u\n\n^@SEND\ndestination:/topic/a.x.y\nreceipt:last\n\n^@');
    await until(() => raw.receipts().includes('last'), 'the last receipt');
    assert.equal(raw.messages().length, 4);
  });

  it('subscribes by destination alone in 1.0', async (t) => {
    const { port } = await listen(t);
    const raw = await client(t, port, '1.0');
    raw.write('SUBSCRIBE\ndestination:/topic/a\nreceipt:1\n\n^@SEND\ndestination:/topic/a\nx:a\\nb\n\nhi^@');
    await raw.next('RECEIPT');
    const got = await raw.next('MESSAGE');
    assert.equal(got.headers.has('subscription'), false);
    assert.equal(got.headers.get('x'), 'a\\nb');
    raw.write(
      'UNSUBSCRIBE\ndestination:/topic/a\nreceipt:2\n\n^@SEND\ndestination:/topic/a\nreceipt:3\n\nhi^@',
    );
    await until(() => raw.receipts().length === 3, 'the receipts');
    assert.equal(raw.messages().length, 1);
  });

  it('answers a request through a temporary queue that lives as long as its connection', async (t) => {
    const { port } = await listen(t);
    const [asking, serving] = [await client(t, port), await client(t, port)];
    serving.write(subscribe('s', '/queue/service'));
    await serving.next('RECEIPT');
    asking.write(subscribe('r', '/temp-queue/answers'));
    asking.write('SEND\ndestination:/queue/service\nreply-to:/temp-queue/answers\ncorrelation-id:7\n\n?^@');
    const replyTo = (await serving.next('MESSAGE')).headers.get('reply-to')!;
    assert.match(replyTo, /^\/reply-queue\/[^/]+\/answers$/);
    serving.write(`SEND\ndestination:${replyTo}\ncorrelation-id:7\nreceipt:a\n\n!^@`);
    await asking.next('RECEIPT');
    const answer = await asking.next('MESSAGE');
    assert.deepEqual(
      [answer.body.toString(), answer.headers.get('destination'), answer.headers.get('subscription')],
      ['!', '/temp-queue/answers', 'r'],
    );
    await serving.next('RECEIPT');
    asking.close();
    // too late: nobody is there, which must cost the one who answers nothing
    let late = 0;
    await until(() => {
      serving.write(`SEND\ndestination:${replyTo}\nreceipt:late${late++}\n\n!^@`);
      return serving.receipts().includes('late0');
    }, 'the receipt of a late answer');
  });

  it('does not let a subscriber that stops reading delay another, and cuts it off at the backlog', async (t) => {
    const { port, listener, log } = await listen(t, { backlog: 300, grace: '200ms', send_buffer: '64KiB' });
    const [stuck, healthy] = [await client(t, port), await client(t, port)];
    for (const raw of [stuck, healthy]) {
      raw.write(subscribe('s', '/topic/a'));
      await raw.next('RECEIPT');
    }
    stuck.socket.pause();
    const body = Buffer.alloc(50_000, 'x');
    let sent = 0;
    // Until its kernel buffers, its send buffer and its backlog are full.
    await until(() => {
      if (sent === healthy.messages().length) {
        sent++;
        void listener.sink.send(envelope({ address: 'x', body }), '/topic/a');
      }
      return log.lines.some((line) => (line.fields as { code?: string }).code === 'busy');
    }, 'the cut');
    assert.ok(sent > 300);
    await until(() => healthy.messages().length === sent, 'the healthy one to have all');
    stuck.socket.resume();
    await until(() => stuck.closed, 'the end of the stuck one');
    await listener.sink.send(message('after'), '/topic/a');
    await until(() => bodies(healthy).at(-1) === 'after', 'the next');
  });

  it('gives a queue subscriber that stops reading no more messages', async (t) => {
    const { port, listener } = await listen(t, { send_buffer: '64KiB' });
    const [stuck, healthy] = [await client(t, port), await client(t, port)];
    stuck.socket.pause();
    stuck.write(subscribe('s', '/queue/a'));
    healthy.write(subscribe('s', '/queue/a'));
    await healthy.next('RECEIPT');
    const body = Buffer.alloc(100_000, 'x');
    const sends: Promise<void>[] = [];
    for (let i = 0; i < 400; i++)
      sends.push(listener.sink.send(envelope({ address: 'x', body }), '/queue/a'));
    await until(() => healthy.messages().length > 200, 'the healthy one to have most');
    stuck.close();
    await Promise.all(sends); // what the stuck one had not taken has come to the other
  });

  it('counts a message for ack:auto as delivered when it is written, not when it is due', async (t) => {
    const { port, listener } = await listen(t, { send_buffer: '100MiB' });
    const stuck = await client(t, port);
    stuck.write(subscribe('s', '/queue/a'));
    await stuck.next('RECEIPT');
    stuck.socket.pause();
    const body = Buffer.alloc(1_000_000, 'x');
    let settled = 0;
    const sends = Array.from({ length: 60 }, () =>
      listener.sink.send(envelope({ address: 'x', body }), '/queue/a').then(() => settled++),
    );
    const other = await client(t, port);
    await other.settled();
    // more than kernel buffers hold
    assert.ok(settled < 60, `${settled} settled`);
    stuck.close();
    other.write(subscribe('s', '/queue/a'));
    await Promise.all(sends);
    // nothing of it has been read, so all of it must come again
    await until(() => other.messages().length === 60, 'all messages');
    assert.ok(other.messages().every((m) => m.headers.get('redelivered') === 'true'));
  });
});
