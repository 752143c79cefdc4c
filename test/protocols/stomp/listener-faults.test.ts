import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { client, HeldIntake, listen, RawClient, until } from './support.ts';
import { accepted } from '../../../src/core/outcome.ts';

const hello = 'CONNECT\naccept-version:1.2\nhost:x\n\n^@';
const send = 'SEND\ndestination:/queue/a\n';

describe('bad input harms only its own connection', { timeout: 60_000 }, () => {
  const bad: [string, string | Buffer, string][] = [
    ['a command before CONNECT', `${send}\nx^@`, 'invalid-message'],
    ['DISCONNECT before CONNECT', 'DISCONNECT\n\n^@', 'invalid-message'],
    ['a command named constructor', 'constructor\n\n^@', 'invalid-message'],
    ['a command named hasOwnProperty', `${hello}hasOwnProperty\n\n^@`, 'invalid-message'],
    ['a command named __proto__', `${hello}__proto__\n\n^@`, 'invalid-message'],
    ['HTTP', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'invalid-message'],
    ['CONNECT with a body', 'CONNECT\naccept-version:1.2\n\nboo^@', 'invalid-message'],
    ['CONNECT that announces 256 MB', 'CONNECT\ncontent-length:256000000\n\n', 'invalid-message'],
    ['a second CONNECT', hello + hello, 'invalid-message'],
    ['no common version', 'CONNECT\naccept-version:2.0,3\n\n^@', 'invalid-message'],
    ['a heart-beat that is none', 'CONNECT\naccept-version:1.2\nheart-beat:-1,x\n\n^@', 'invalid-message'],
    ['content-length -1', `${hello}${send}content-length:-1\n\nx^@`, 'invalid-message'],
    ['content-length 1e3', `${hello}${send}content-length:1e3\n\nx^@`, 'invalid-message'],
    ['content-length of 4 GiB', `${hello}${send}content-length:4294967296\n\n`, 'too-large'],
    ['no NUL after content-length', `${hello}${send}content-length:1\n\nxy^@`, 'invalid-message'],
    ['no NUL at all', `${hello}${send}\n${'x'.repeat(3000)}`, 'too-large'],
    ['a header bomb', `${hello}${send}${'a:b\n'.repeat(5000)}\n^@`, 'too-large'],
    ['a long header', `${hello}${send}a:${'x'.repeat(70_000)}`, 'too-large'],
    [
      'invalid UTF-8',
      Buffer.from(`${hello}${send}a:\xff\n\n^@`.replaceAll('^@', '\0'), 'latin1'),
      'invalid-message',
    ],
    ['an undefined escape', `${hello}${send}a:\\t\n\n^@`, 'invalid-message'],
    ['a line feed in a destination', `${hello}SEND\ndestination:/queue/a\\nb\n\n^@`, 'invalid-message'],
    ['a control character in reply-to', `${hello}${send}reply-to:a\\nb\n\n^@`, 'invalid-message'],
    ['a wildcard in SEND', `${hello}SEND\ndestination:/topic/*\n\n^@`, 'invalid-message'],
    ['SEND without destination', `${hello}SEND\n\n^@`, 'invalid-message'],
    ['SUBSCRIBE without id', `${hello}SUBSCRIBE\ndestination:/topic/a\n\n^@`, 'invalid-message'],
    [
      'SUBSCRIBE with a bad ack',
      `${hello}SUBSCRIBE\nid:1\ndestination:/topic/a\nack:maybe\n\n^@`,
      'invalid-message',
    ],
    [
      'SUBSCRIBE with a selector that is none',
      `${hello}SUBSCRIBE\nid:1\ndestination:/topic/a\nselector:a=\n\n^@`,
      'invalid-message',
    ],
    [
      'SUBSCRIBE with a broken wildcard',
      `${hello}SUBSCRIBE\nid:1\ndestination:/topic/a*\n\n^@`,
      'invalid-message',
    ],
    ['one id twice', `${hello}${'SUBSCRIBE\nid:1\ndestination:/topic/a\n\n^@'.repeat(2)}`, 'invalid-message'],
    ['UNSUBSCRIBE of nothing', `${hello}UNSUBSCRIBE\nid:1\n\n^@`, 'invalid-message'],
    ['ACK of nothing', `${hello}ACK\nid:7-7\n\n^@`, 'invalid-message'],
    ['ACK of an id that is a name', `${hello}ACK\nid:__proto__\n\n^@`, 'invalid-message'],
    ['NACK in 1.0', 'CONNECT\n\n^@NACK\nmessage-id:1\n\n^@', 'invalid-message'],
    [
      'SUBSCRIBE to a queue that a route reads',
      `${hello}SUBSCRIBE\nid:1\ndestination:/queue/routed\n\n^@`,
      'refused',
    ],
  ];
  it('answers each with an ERROR and closes within a second, while others go on', async (t) => {
    const intake = new HeldIntake((address) => address === '/queue/routed', accepted);
    const { port, log } = await listen(t, { max_message: '2kB' }, intake);
    const other = await client(t, port);
    for (const [name, bytes, code] of bad) {
      const raw = new RawClient(port);
      const began = performance.now();
      raw.write(bytes);
      await until(() => raw.closed, `${name} to be cut off`);
      const took = performance.now() - began;
      const last = raw.frames.at(-1);
      assert.deepEqual([last?.command, last?.headers.get('error-code')], ['ERROR', code], name);
      assert.ok(took < 1500, `${name} took ${took} ms`);
      other.write(`SEND\ndestination:/queue/routed\nreceipt:${name}\n\n^@`);
      assert.equal((await other.next('RECEIPT')).headers.get('receipt-id'), name);
    }
    assert.ok(log.lines.length > 0 && log.lines.length < bad.length, `${log.lines.length} lines were logged`);
  });

  it('gives the receipt of the frame that was wrong', async (t) => {
    const { port } = await listen(t);
    const raw = await client(t, port);
    raw.write('UNSUBSCRIBE\nid:1\nreceipt:r\n\n^@');
    assert.equal((await raw.next('ERROR')).headers.get('receipt-id'), 'r');
  });

  it('carries headers named like members of Object.prototype', async (t) => {
    const { port } = await listen(t);
    const raw = await client(t, port);
    raw.write('SUBSCRIBE\nid:__proto__\ndestination:/topic/constructor\nreceipt:hasOwnProperty\n\n^@');
    await raw.next('RECEIPT');
    raw.write('SEND\ndestination:/topic/constructor\nconstructor:1\nhasOwnProperty:2\n__proto__:3\n\n^@');
    const { headers } = await raw.next('MESSAGE');
    assert.deepEqual(
      ['constructor', 'hasOwnProperty', '__proto__', 'subscription'].map((name) => headers.get(name)),
      ['1', '2', '3', '__proto__'],
    );
  });

  it('reads frames that come one byte at a time', async (t) => {
    const { port } = await listen(t);
    const raw = new RawClient(port);
    t.after(() => raw.close());
    const text =
      'CONNECT\r\naccept-version:1.2\r\n\r\n\0\r\nSUBSCRIBE\r\nid:1\r\ndestination:/topic/ä\r\n\r\n\0\r\n' +
      'SEND\r\ndestination:/topic/ä\r\nx:\\r\\n€\r\ncontent-length:4\r\n\r\n\0€\0';
    for (const byte of Buffer.from(text))
      if (!raw.socket.write(Buffer.of(byte))) await once(raw.socket, 'drain');
    await raw.next('CONNECTED');
    const got = await raw.next('MESSAGE');
    assert.equal(got.body.toString(), '\0€');
    assert.equal(got.headers.get('x'), '\\r\\n€');
  });

  it('refuses connections over the limit, and takes new ones when others have gone', async (t) => {
    const { port } = await listen(t, { max_connections: 2 });
    const [one] = [await client(t, port), await client(t, port)];
    const third = new RawClient(port);
    assert.equal((await third.next('ERROR')).headers.get('error-code'), 'busy');
    await until(() => third.closed, 'the end of the third');
    one.close();
    let fourth: RawClient | undefined;
    await until(() => {
      if (!fourth || fourth.closed) {
        fourth = new RawClient(port);
        fourth.write(hello);
      }
      return fourth.frames.some((f) => f.command === 'CONNECTED');
    }, 'a new connection');
    fourth!.close();
  });

  it('does not read from a client that does not read its receipts', async (t) => {
    const intake = new HeldIntake(() => true, accepted);
    const { port } = await listen(t, { send_buffer: '1KiB' }, intake);
    const raw = await client(t, port);
    raw.socket.pause();
    const id = 'r'.repeat(8000);
    const frame = Buffer.from(`SEND\ndestination:/queue/a\nreceipt:${id}\n\n\0`);
    // It is made to wait before all of this fits into the kernel's buffers both ways.
    const count = 6000;
    for (let i = 0; i < count; i++) raw.socket.write(frame);
    let seen = -1;
    await until(() => {
      const still = intake.messages.length === seen && raw.socket.writableLength > 0;
      seen = intake.messages.length;
      return still && seen > 0;
    }, 'reading to stop');
    assert.ok(intake.messages.length < count);
    raw.socket.resume();
    await until(() => raw.receipts().length === count, 'all receipts');
  });
});

describe('time limits', { timeout: 30_000 }, () => {
  it('cuts off a client that sends no CONNECT, or an unfinished one', async (t) => {
    const { port } = await listen(t, { connect_timeout: '100ms' });
    for (const text of ['', 'CONNECT\naccept-ver', '\n\n\n']) {
      const raw = new RawClient(port);
      raw.write(text);
      assert.equal((await raw.next('ERROR')).headers.get('error-code'), 'timeout');
      await until(() => raw.closed, 'the end');
    }
  });

  it('beats to a client that wants it, and cuts off one that promised and is silent', async (t) => {
    const { port } = await listen(t, { heart_beat: '100ms' });
    const raw = await client(t, port, '1.2', 'heart-beat:50,50\n');
    assert.equal(raw.frames[0]!.headers.get('heart-beat'), '100,100');
    await until(() => raw.beats >= 2, 'two beats');
    assert.equal((await raw.next('ERROR')).headers.get('error-code'), 'timeout');
  });

  it('lets a client live that beats', async (t) => {
    const { port } = await listen(t, { heart_beat: '100ms' });
    const raw = await client(t, port, '1.1', 'heart-beat:50,50\n');
    const beating = setInterval(() => raw.write('\n'), 30);
    t.after(() => clearInterval(beating));
    await until(() => raw.beats >= 10, 'ten beats');
    await raw.settled();
    assert.equal(raw.closed, false);
  });

  it('takes heart-beats of 4e9 ms and beyond any number without harm', async (t) => {
    const { port } = await listen(t, { heart_beat: '100ms' });
    for (const beat of ['4000000000,4000000000', `${'9'.repeat(400)},${'9'.repeat(400)}`, '0,0', '1,0']) {
      const raw = await client(t, port, '1.2', `heart-beat:${beat}\n`);
      await raw.settled();
      assert.equal(raw.closed, false);
    }
  });

  it('does not take a client for dead while it makes it wait', async (t) => {
    const intake = new HeldIntake();
    const { port } = await listen(t, { heart_beat: '100ms', window: 1 }, intake);
    const raw = await client(t, port, '1.2', 'heart-beat:100,100\n');
    raw.write(`${send}\n1^@`);
    await until(() => intake.messages.length === 1, 'the message');
    const beats = raw.beats;
    await until(() => raw.beats > beats + 6, 'more than two intervals of the client');
    assert.equal(raw.closed, false);
  });
});
