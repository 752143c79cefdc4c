import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FrameImpl } from '@stomp/stompjs';
import fc from 'fast-check';
import { JunctionError } from '../../../src/core/errors.ts';
import { FrameReader } from '../../../src/protocols/stomp/frame-reader.ts';
import type { Frame, Version } from '../../../src/protocols/stomp/frame.ts';

const limits = { maxHead: 1024, maxHeaders: 8, maxBody: 1000 };

function read(pieces: readonly (string | Buffer)[], version?: Version, own = limits): Frame[] {
  const reader = new FrameReader(own);
  reader.version = version;
  const frames: Frame[] = [];
  for (const piece of pieces) {
    reader.push(Buffer.from(piece as string));
    for (let frame = reader.next(); frame; frame = reader.next()) frames.push(frame);
  }
  return frames;
}

const plain = (frames: readonly Frame[]) =>
  frames.map((f) => ({ command: f.command, headers: f.headers, body: f.body.toString('latin1') }));

type Copy = [target: Uint8Array, targetStart?: number, sourceStart?: number, sourceEnd?: number];

const send = (headers: string, body = '') => `SEND\n${headers}\n${body}\0`;

describe('frame reader', () => {
  const good: [string, string, Version | undefined, [string, string][], string][] = [
    ['no headers', send(''), '1.2', [], ''],
    ['CRLF line ends', 'SEND\r\na:b\r\n\r\nx\0', '1.2', [['a', 'b']], 'x'],
    ['a NUL-terminated body', send('a:b\n', 'hello'), '1.2', [['a', 'b']], 'hello'],
    ['NUL in a counted body', send('content-length:3\n', 'a\0b'), '1.2', [['content-length', '3']], 'a\0b'],
    ['an empty counted body', send('content-length:0\n'), '1.2', [['content-length', '0']], ''],
    ['line ends before the frame', `\n\r\n\n${send('')}`, '1.2', [], ''],
    ['an empty value', send('a:\n'), '1.2', [['a', '']], ''],
    ['a colon in a value', send('a:b:c\n'), '1.1', [['a', 'b:c']], ''],
    ['escapes of 1.2', send('a\\cb:\\n\\r\\\\\\c\n'), '1.2', [['a:b', '\n\r\\:']], ''],
    ['escapes of 1.1', send('a:\\n\\\\\\c\n'), '1.1', [['a', '\n\\:']], ''],
    ['no escapes in 1.0', send('a:\\n\\x\n'), '1.0', [['a', '\\n\\x']], ''],
    ['spaces around values of 1.0', send('a: b \n'), '1.0', [['a', 'b']], ''],
    ['spaces around values of 1.2', send('a: b \n'), '1.2', [['a', ' b ']], ''],
    ['no escapes in CONNECT', 'CONNECT\na:\\x\n\n\0', undefined, [['a', '\\x']], ''],
    [
      'names of Object.prototype',
      send('constructor:1\nhasOwnProperty:2\n__proto__:3\n'),
      '1.2',
      [
        ['constructor', '1'],
        ['hasOwnProperty', '2'],
        ['__proto__', '3'],
      ],
      '',
    ],
    [
      'the first of two lengths counts',
      send('content-length:1\ncontent-length:5\n', 'x'),
      '1.2',
      [
        ['content-length', '1'],
        ['content-length', '5'],
      ],
      'x',
    ],
  ];
  for (const [name, bytes, version, headers, body] of good)
    it(`reads ${name}`, () => {
      const [frame, ...others] = read([bytes], version);
      assert.equal(others.length, 0);
      assert.deepEqual(frame!.headers, headers);
      assert.equal(frame!.body.toString('latin1'), body);
    });

  const bad: [string, string | Buffer, RegExp, Version?][] = [
    ['a negative content-length', send('content-length:-1\n'), /decimal/],
    ['a signed content-length', send('content-length:+1\n', 'a'), /decimal/],
    ['a content-length in hex', send('content-length:0x1\n', 'a'), /decimal/],
    ['an empty content-length', send('content-length:\n'), /decimal/],
    [
      'a huge content-length, from the header alone',
      'SEND\ncontent-length:4294967296\n\n',
      /longer than 1000/,
    ],
    ['a content-length beyond any number', `SEND\ncontent-length:${'9'.repeat(400)}\n\n`, /longer than 1000/],
    ['a body longer than content-length', send('content-length:1\n', 'ab'), /no NUL/],
    ['an uncounted body over the limit', `SEND\n\n${'x'.repeat(1001)}`, /longer than 1000/],
    ['a CONNECT with a body', 'CONNECT\n\nx\0', /must not have a body/],
    ['a CONNECT that announces a body', 'CONNECT\ncontent-length:256000000\n\n', /must not have a body/],
    ['a head over the limit', `SEND\na:${'x'.repeat(1100)}`, /headers are longer/],
    ['too many headers', send('a:b\n'.repeat(9)), /more than 8 headers/],
    ['a header line without colon', send('abc\n'), /NAME:VALUE/],
    ['a header without name', send(':b\n'), /NAME:VALUE/],
    ['a NUL in the headers', 'SEND\na:b\0', /NUL/],
    ['an unknown command', 'GET / HTTP/1.1\r\n', /not a command/],
    ['a command in small letters', 'send\n\n\0', /not a command/],
    ['a command named constructor', 'constructor\n\n\0', /not a command/],
    ['bytes without line end', Buffer.from('160301020001000001fc0303aabbccdd00', 'hex'), /NUL|not a command/],
    ['an endless command', 'S'.repeat(20), /not a command/],
    ['an undefined escape', send('a:\\t\n'), /not an escape/],
    ['a trailing backslash', send('a:\\\n'), /not an escape/],
    ['\\r in 1.1', send('a:\\r\n'), /not an escape/, '1.1'],
    ['invalid UTF-8', Buffer.from('SEND\na:\xff\n\n\0', 'latin1'), /UTF-8/],
    ['a UTF-8 sequence cut short', Buffer.from('SEND\na:\xc3\n\n\0', 'latin1'), /UTF-8/],
  ];
  for (const [name, bytes, message, version] of bad)
    for (const split of [false, true])
      it(`refuses ${name}${split ? ', byte by byte' : ''}`, () => {
        const all = Buffer.from(bytes as string);
        const pieces = split ? [...all].map((byte) => Buffer.of(byte)) : [all];
        const connecting = all.toString('latin1').startsWith('CONNECT');
        assert.throws(
          () => read(pieces, connecting ? undefined : (version ?? '1.2')),
          (error) => error instanceof JunctionError && message.test(error.message),
        );
      });

  it('gives the same frames however the bytes are divided', () => {
    const bytes = Buffer.from(
      [
        'SEND\r\ndestination:/queue/ä€😀\r\nx:\\r\\n\\c\\\\\r\n\r\nbødy\0',
        '\r\n\n',
        'SEND\ncontent-length:7\nname:é\n\n\0\n\r\n\0ab\0',
        '\n',
        'ACK\nid:1-1\n\n\0',
        `SEND\ncontent-length:900\n\n${'y'.repeat(900)}\0`,
        `SEND\n\n${'z'.repeat(900)}\0`,
      ].join(''),
    );
    const whole = plain(read([bytes], '1.2'));
    assert.equal(whole.length, 5);
    assert.equal(whole[1]!.body, '\0\n\r\n\0ab');
    fc.assert(
      fc.property(fc.array(fc.nat(bytes.length), { maxLength: 40 }), (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), bytes.length];
        const pieces = edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
        assert.deepEqual(plain(read(pieces, '1.2')), whole);
      }),
      { numRuns: 300 },
    );
    assert.deepEqual(
      plain(
        read(
          [...bytes].map((byte) => Buffer.of(byte)),
          '1.2',
        ),
      ),
      whole,
    );
  });

  it('reads what @stomp/stompjs writes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 }).filter((s) => !s.includes('\0'));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,8}-h$/), text), {
          maxLength: 6,
          selector: ([n]) => n,
        }),
        fc.uint8Array({ maxLength: 100 }),
        (headers, body) => {
          const wire = FrameImpl.marshall({
            command: 'SEND',
            headers: Object.fromEntries(headers),
            binaryBody: body,
            escapeHeaderValues: true,
            skipContentLengthHeader: false,
          });
          const bytes = typeof wire === 'string' ? Buffer.from(wire) : Buffer.from(wire);
          const [frame] = read([bytes], '1.2');
          for (const [name, value] of headers) assert.equal(frame!.get(name), value);
          assert.deepEqual(new Uint8Array(frame!.body), body);
        },
      ),
    );
  });

  it('copies a frame of many pieces only a few times over', (t) => {
    const body = Buffer.alloc(30_000, 'x');
    const reader = new FrameReader({ ...limits, maxBody: 1 << 16 });
    reader.push(Buffer.from('SEND\ncontent-length:30000\n\n'));
    assert.equal(reader.next(), undefined);
    let copied = 0;
    const count = t.mock.method(Buffer.prototype as Buffer, 'copy', function (this: Buffer, ...args: Copy) {
      const done = Uint8Array.prototype.slice.call(this, args[2], args[3]);
      args[0].set(done, args[1]);
      copied += done.length;
      return done.length;
    });
    for (let at = 0; at < body.length; at++) {
      reader.push(body.subarray(at, at + 1));
      assert.equal(reader.next(), undefined);
    }
    count.mock.restore();
    reader.push(Buffer.of(0));
    assert.equal(reader.next()!.body.length, 30_000);
    assert.ok(copied >= body.length && copied < 4 * body.length, `${copied} bytes were copied`);
  });
});
