import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EngineOptions } from '../../../../src/protocols/amqp/engine/api.ts';
import * as raw from '../raw.ts';
import { TestOwner, type Behaviour } from './peer.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const send = (owner: TestOwner, ...bytes: Buffer[]): void => owner.connection.receive(Buffer.concat(bytes));
const attached = (behaviour: Behaviour = {}, options: Partial<EngineOptions> = {}): TestOwner => {
  const owner = new TestOwner(behaviour, options);
  send(owner, raw.amqpHeader, raw.open(), raw.begin(), raw.attach('sender'));
  return owner;
};
function said(owner: TestOwner): raw.Read[] {
  const chunks: Buffer[] = [];
  owner.connection.flush((chunk) => chunks.push(chunk));
  return raw.readFrames(chunks);
}
/** A frame around any bytes. */
function framed(body: Buffer, type = 0): Buffer {
  const header = Buffer.from([0, 0, 0, 0, 2, type, 0, 0]);
  header.writeUInt32BE(body.length + 8);
  return Buffer.concat([header, body]);
}

/** It is over, for this reason, and nothing more happens whatever comes. */
function closedWith(owner: TestOwner, condition: string): void {
  assert.equal(owner.closed?.error?.condition, condition);
  assert.equal(owner.closed.by, 'us');
  const deliveries = owner.deliveries.length;
  send(owner, raw.transfer({ delivery_id: 99 }));
  assert.equal(owner.deliveries.length, deliveries);
  assert.equal(owner.connection.state, 'closed');
}

describe('AMQP hazards: only their own connection ends', () => {
  const bombs: [string, string][] = [
    ['array32 of four billion nulls', 'f0 00000005 ffffffff 40'],
    ['array32 of four billion empty lists', 'f0 00000005 ffffffff 45'],
    ['array32 of four billion arrays', 'f0 0000000a ffffffff f0 00000000 00'],
    ['list32 of four billion', 'd0 00000004 ffffffff'],
    ['map32 of four billion', 'd1 00000004 fffffffe'],
    [
      'lists in lists with huge counts',
      'd0 0000001c 00ffffff d0 00000013 00ffffff d0 0000000a 00ffffff d0 00000001 00',
    ],
    ['a symbol of four gigabytes', 'b3 ffffffff 61'],
  ];
  for (const [what, bytes] of bombs) {
    it(`${what} in open`, () => {
      const owner = new TestOwner();
      send(
        owner,
        raw.amqpHeader,
        framed(Buffer.concat([hex('00 53 10 d0 000000ff 0000000a a1 01 61 40 40 40 40 40 40'), hex(bytes)])),
      );
      closedWith(owner, 'amqp:decode-error');
      assert.deepEqual(
        said(owner).map((f) => f.name),
        ['header 0', 'open', 'close'],
      );
    });
    it(`${what} as properties in open, sizes right`, () => {
      const value = hex(bytes);
      const list = Buffer.concat([Buffer.from([10]), hex('a1 01 61 40 40 40 40 40 40 40 40'), value]);
      const owner = new TestOwner();
      send(
        owner,
        raw.amqpHeader,
        framed(Buffer.concat([hex('00 53 10 c0'), Buffer.from([list.length]), list])),
      );
      closedWith(owner, 'amqp:decode-error');
    });
    it(`${what} in SASL, before authentication`, () => {
      const value = hex(bytes);
      const list = Buffer.concat([Buffer.from([3]), hex('a3 01 61'), value]);
      const owner = new TestOwner();
      send(
        owner,
        raw.saslHeader,
        framed(Buffer.concat([hex('00 53 41 c0'), Buffer.from([list.length]), list]), 1),
      );
      closedWith(owner, 'amqp:decode-error');
    });
  }

  it('lists nested a thousand deep', () => {
    let value: Buffer = hex('45');
    for (let i = 0; i < 1_000; i++) {
      const size = Buffer.alloc(9, 0);
      size[0] = 0xd0;
      size.writeUInt32BE(value.length + 4, 1);
      size.writeUInt32BE(1, 5);
      value = Buffer.concat([size, value]);
    }
    const fields = hex('00000001 a1 01 61 40 40 40 40 40 40 40 40');
    fields.writeUInt32BE(10);
    const size = Buffer.alloc(4);
    size.writeUInt32BE(fields.length + value.length);
    const owner = new TestOwner();
    send(owner, raw.amqpHeader, framed(Buffer.concat([hex('00 53 10 d0'), size, fields, value])));
    closedWith(owner, 'amqp:decode-error');
  });

  for (const size of [0, 1, 7, 65_537, 0xffff_ffff])
    it(`a frame of size ${size}, refused from its header`, () => {
      const owner = attached();
      const header = Buffer.from([0, 0, 0, 0, 2, 0, 0, 0]);
      header.writeUInt32BE(size);
      send(owner, header);
      closedWith(owner, 'amqp:connection:framing-error');
      assert.equal(said(owner).at(-1)!.name, 'close');
    });

  for (const [what, header] of [
    ['a data offset below 2', '00000008 01 00 0000'],
    ['a data offset beyond the frame', '00000008 03 00 0000'],
    ['an unknown frame type', '00000008 02 07 0000'],
  ] as const)
    it(`${what}`, () => {
      const owner = attached();
      send(owner, hex(header));
      closedWith(owner, 'amqp:connection:framing-error');
    });

  it('a header that is not AMQP', () => {
    const owner = new TestOwner();
    send(owner, Buffer.from('GET / HTTP/1.1\r\n'));
    closedWith(owner, 'amqp:connection:framing-error');
    assert.deepEqual(
      said(owner).map((f) => f.name),
      ['header 0'],
    );
  });

  it('a transfer without delivery-id', () => {
    const owner = attached();
    send(owner, raw.transfer({ delivery_id: undefined }));
    closedWith(owner, 'amqp:invalid-field');
  });

  it('a transfer without delivery-tag', () => {
    const owner = attached();
    send(owner, raw.transfer({ delivery_tag: undefined }));
    closedWith(owner, 'amqp:invalid-field');
  });

  it('a delivery-id used twice', () => {
    const owner = attached();
    send(owner, raw.transfer({ delivery_id: 5 }), raw.transfer({ delivery_id: 5 }));
    closedWith(owner, 'amqp:invalid-field');
  });

  it('transfers beyond credit: the link ends, the connection goes on', () => {
    const owner = attached({ window: 2, onTransfer: () => undefined });
    said(owner); // the credit is granted at the end of a tick
    send(owner, ...[0, 1, 2, 3].map((id) => raw.transfer({ delivery_id: id })));
    assert.equal(owner.deliveries.length, 2);
    const detach = said(owner).find((f) => f.name === 'detach');
    assert.equal(
      (detach!.fields.error as { condition: string }).condition,
      'amqp:link:transfer-limit-exceeded',
    );
    send(owner, raw.frame('detach', { handle: 0, closed: true }), raw.attach('sender', { name: 'again' }));
    said(owner);
    send(owner, raw.transfer({ delivery_id: 4 }));
    assert.equal(owner.deliveries.length, 3);
    assert.equal(owner.closed, undefined);
  });

  it('transfers before any credit', () => {
    const owner = attached({ window: 0 });
    send(owner, raw.transfer());
    assert.equal(owner.deliveries.length, 0);
    assert.equal(owner.incoming[0]!.open, false);
  });

  it('a message without end', () => {
    const owner = attached({}, { maxMessageSize: 100_000 });
    said(owner);
    const payload = Buffer.alloc(1_000);
    const endless = raw.transfer({ more: true }, payload);
    for (let i = 0; i < 1_000 && owner.incoming[0]!.open; i++) send(owner, endless);
    const detach = said(owner).find((f) => f.name === 'detach');
    assert.equal(
      (detach!.fields.error as { condition: string }).condition,
      'amqp:link:message-size-exceeded',
    );
    assert.equal(owner.deliveries.length, 0);
    assert.equal(owner.closed, undefined);
  });

  it('many large messages under way at one time', () => {
    const owner = attached({}, { maxMessageSize: 60_000, maxGathered: 120_000 });
    send(owner, ...[1, 2, 3].map((handle) => raw.attach('sender', { handle, name: `n${handle}` })));
    said(owner);
    const payload = Buffer.alloc(30_000);
    for (let handle = 0; handle < 4 && !owner.closed; handle++)
      send(owner, raw.transfer({ handle, delivery_id: handle, more: true }, payload));
    closedWith(owner, 'amqp:resource-limit-exceeded');
  });

  it('an aborted message is not delivered, and the next one is whole', () => {
    const owner = attached();
    said(owner);
    send(
      owner,
      raw.transfer({ more: true }, Buffer.from('first half')),
      raw.transfer({ aborted: true }, Buffer.alloc(0)),
      raw.transfer({ delivery_id: 1 }, hex('00 53 77 41')),
    );
    assert.deepEqual(
      owner.deliveries.map((d) => d.bytes),
      [hex('00 53 77 41')],
    );
  });

  it('a message in pieces is whole', () => {
    const owner = attached();
    said(owner);
    const part = { delivery_id: undefined, delivery_tag: undefined, message_format: undefined };
    send(
      owner,
      raw.transfer({ more: true }, Buffer.from('ab')),
      raw.transfer({ ...part, more: true }, Buffer.from('cd')),
      raw.transfer({ ...part, more: true }, Buffer.alloc(0)),
      raw.transfer(part, Buffer.from('e')),
    );
    assert.deepEqual(
      owner.deliveries.map((d) => d.bytes.toString()),
      ['abcde'],
    );
  });

  for (const last of [0xffff_fffe, 0x7fff_ffff])
    it(`a disposition over 0..${last} touches only what is unsettled`, () => {
      const owner = new TestOwner();
      send(owner, raw.amqpHeader, raw.open(), raw.begin(), raw.attach('receiver'));
      send(owner, raw.flow({ handle: 0, delivery_count: 0, link_credit: 1_000 }));
      let settled = 0;
      const link = owner.outgoing[0]!;
      for (let i = 0; i < 500; i++) link.send(Buffer.from('x'), () => settled++);
      const cpu = process.cpuUsage();
      for (let i = 0; i < 200; i++)
        send(owner, raw.frame('disposition', { role: true, first: 0, last, settled: true }));
      assert.equal(settled, 500);
      assert.ok(process.cpuUsage(cpu).user < 2_000_000, 'less than two seconds of CPU for 2^39 named ids');
    });

  it('a disposition for what is sent because of it ends', () => {
    const owner = new TestOwner();
    send(owner, raw.amqpHeader, raw.open(), raw.begin(), raw.attach('receiver'));
    send(owner, raw.flow({ handle: 0, delivery_count: 0, link_credit: 1_000 }));
    let settled = 0;
    const link = owner.outgoing[0]!;
    const next = (): void => {
      if (link.credit > 0) link.send(Buffer.from('x'), () => (settled++, next()));
    };
    next();
    send(owner, raw.frame('disposition', { role: true, first: 0, last: 0xffff_fffe, settled: true }));
    assert.equal(settled, 1);
  });

  for (const size of [0, 1, 10, 511])
    it(`a peer that takes frames of at most ${size} bytes`, () => {
      const owner = new TestOwner();
      send(owner, raw.amqpHeader, raw.open({ max_frame_size: size }));
      closedWith(owner, 'amqp:invalid-field');
    });

  it('a heart-beat of 1 ms costs one empty frame a tick', () => {
    const owner = new TestOwner();
    send(owner, raw.amqpHeader, raw.open({ idle_time_out: 1 }));
    said(owner);
    for (let second = 0; second < 5; second++) owner.connection.tick(second * 1_000);
    assert.ok(said(owner).filter((f) => f.name === 'empty').length <= 5);
    assert.equal(owner.closed, undefined);
  });

  it('a silent peer is closed, one that sends empty frames is not', () => {
    const owner = attached({}, { idleTimeout: 10_000 });
    for (let second = 0; second < 60; second++) {
      if (second % 5 === 0) send(owner, raw.emptyFrame);
      owner.connection.tick(second * 1_000);
    }
    assert.equal(owner.closed, undefined);
    for (let second = 60; second < 75; second++) owner.connection.tick(second * 1_000);
    closedWith(owner, 'amqp:resource-limit-exceeded');
  });

  it('we are never silent for longer than the peer allows', () => {
    const owner = new TestOwner();
    send(owner, raw.amqpHeader, raw.open({ idle_time_out: 4_000 }));
    let silent = 0;
    for (let second = 0; second < 60; second++) {
      owner.connection.tick(second * 1_000);
      silent = said(owner).length > 0 ? 0 : silent + 1;
      assert.ok(silent < 3, `${silent} s`);
    }
  });

  it('a peer that never opens is closed', () => {
    for (const bytes of [[], [raw.saslHeader], [raw.amqpHeader]]) {
      const owner = new TestOwner();
      send(owner, ...bytes);
      for (let second = 0; second <= 10; second++) owner.connection.tick(second * 1_000);
      closedWith(owner, 'amqp:resource-limit-exceeded');
    }
  });

  it('a peer that does not answer our close is left', () => {
    const owner = attached();
    owner.connection.close();
    assert.equal(owner.closed, undefined);
    for (let second = 0; second < 4; second++) owner.connection.tick(second * 1_000);
    assert.equal(owner.closed!.by, 'us');
  });

  it('too much sent ahead of authentication', () => {
    const owner = new TestOwner({ authenticate: () => new Promise<boolean>(() => undefined) });
    send(owner, raw.saslHeader, raw.saslFrame('sasl_init', { mechanism: 'ANONYMOUS' }));
    for (let i = 0; i < 10 && !owner.closed; i++) send(owner, Buffer.alloc(65_536));
    closedWith(owner, 'amqp:resource-limit-exceeded');
  });

  it('more transfers than the session window', () => {
    const owner = attached({ window: 100 }, { incomingWindow: 4 });
    said(owner);
    send(owner, ...[0, 1, 2, 3, 4].map((id) => raw.transfer({ delivery_id: id })));
    assert.equal(owner.deliveries.length, 4);
    const end = said(owner).find((f) => f.name === 'end');
    assert.equal((end!.fields.error as { condition: string }).condition, 'amqp:session:window-violation');
  });

  const sessionErrors: [string, Buffer, string][] = [
    [
      'a transfer on a handle that is not attached',
      raw.transfer({ handle: 9 }),
      'amqp:session:unattached-handle',
    ],
    ['a flow on a handle that is not attached', raw.flow({ handle: 9 }), 'amqp:session:unattached-handle'],
    ['a handle that is in use', raw.attach('sender', { name: 'other' }), 'amqp:session:handle-in-use'],
  ];
  for (const [what, bytes, condition] of sessionErrors)
    it(`${what} ends the session`, () => {
      const owner = attached();
      said(owner);
      send(owner, bytes, raw.transfer());
      const end = said(owner).find((f) => f.name === 'end');
      assert.equal((end!.fields.error as { condition: string }).condition, condition);
      assert.equal(owner.deliveries.length, 0);
      send(owner, raw.frame('end', {}), raw.begin(), raw.attach('sender', { name: 'anew' }));
      assert.equal(owner.incoming.at(-1)!.open, true);
    });

  const connectionErrors: [string, Buffer, string][] = [
    ['a frame on a channel without session', raw.begin({ remote_channel: 3 }, 7), 'amqp:not-allowed'],
    ['a channel above channel-max', raw.begin({}, 256), 'amqp:connection:framing-error'],
    ['a second session on a channel', raw.begin(), 'amqp:not-allowed'],
    [
      'a handle above handle-max',
      raw.attach('sender', { handle: 5_000, name: 'x' }),
      'amqp:connection:framing-error',
    ],
    ['a second open', raw.open(), 'amqp:not-implemented'],
    ['an unknown performative', framed(hex('00 53 19 45')), 'amqp:not-implemented'],
    ['a frame that is no performative', framed(hex('41')), 'amqp:not-implemented'],
  ];
  for (const [what, bytes, condition] of connectionErrors)
    it(`${what} ends the connection`, () => {
      const owner = attached();
      send(owner, bytes);
      closedWith(owner, condition);
    });

  it('names such as __proto__ are names', () => {
    const owner = attached();
    for (const [i, name] of ['__proto__', 'constructor', 'hasOwnProperty'].entries())
      send(
        owner,
        raw.attach('sender', { name, handle: i + 1 }),
        raw.attach('receiver', { name, handle: i + 11 }),
      );
    assert.equal(owner.incoming.length, 4);
    assert.equal(owner.outgoing.length, 3);
    assert.ok([...owner.incoming, ...owner.outgoing].every((link) => link.open));
  });

  it('links without number', () => {
    const owner = attached({}, { maxLinks: 10 });
    for (let i = 1; i < 50; i++) send(owner, raw.attach('sender', { name: `n${i}`, handle: i }));
    assert.equal(owner.incoming.length, 10);
    assert.ok(said(owner).some((f) => f.name === 'detach'));
  });
});
