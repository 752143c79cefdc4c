import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import rhea from 'rhea';
import { until } from '../helpers.ts';
import { anyMessage, sections } from './amqp-bytes.ts';
import { startGateway, type RunningGateway } from './gateway.ts';
import { RawReceiver, RawSender, Tap } from './raw-amqp.ts';

const configuration = `
endpoints:
  amqp: { type: amqp, listen: '127.0.0.1:0' }
routes: [routes.yaml]
admin: { listen: '127.0.0.1:0' }
`;
const routes = `
routes:
  - name: elsewhere
    from: { endpoint: amqp, address: 'in.{name}' }
    to: [{ endpoint: amqp, address: 'out.{name}' }]
`;

const folder = mkdtempSync(join(tmpdir(), 'junction-identity-'));
let gateway: RunningGateway;
let port: number;

before(async () => {
  writeFileSync(join(folder, 'junction.yaml'), configuration);
  writeFileSync(join(folder, 'routes.yaml'), routes);
  gateway = await startGateway({ config: join(folder, 'junction.yaml') });
  port = gateway.port('amqp');
});
after(async () => {
  assert.equal(await gateway.stop(), 0);
  rmSync(folder, { recursive: true });
});

const hex = (bytes: Buffer | undefined): string | undefined => bytes?.toString('hex');

/** The bare message and the footer are the sender's, byte for byte (§3.2). */
function assertSame(sent: readonly Buffer[], got: readonly Buffer[]): void {
  assert.equal(got.length, sent.length);
  sent.forEach((message, n) => {
    const [before, behind] = [sections(message), sections(got[n]!)];
    assert.equal(hex(behind.bare), hex(before.bare));
    assert.equal(hex(behind.footer), hex(before.footer));
  });
}

describe('AMQP to AMQP on another address, through the gateway', { timeout: 120_000 }, () => {
  it('keeps the bare message and the footer of any message byte for byte', { timeout: 120_000 }, async () => {
    const receiver = await RawReceiver.open(port, 'out.any');
    const sender = await RawSender.open(port, 'in.any');
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyMessage, { minLength: 1, maxLength: 20 }),
        fc.constantFrom(16_000, 500, 64),
        async (messages, frame) => {
          receiver.messages.length = 0;
          const outcomes = await Promise.all(messages.map((message) => sender.send(message, frame)));
          assert.deepEqual(new Set(outcomes), new Set(['accepted']));
          assertSame(messages, receiver.messages);
        },
      ),
      { numRuns: 100 },
    );
    sender.close();
    receiver.close();
  });

  it('keeps a body of 1 MiB', async () => {
    const receiver = await RawReceiver.open(port, 'out.large');
    const sender = await RawSender.open(port, 'in.large');
    const head = Buffer.from([0, 0x53, 0x75, 0xb0, 0, 0x10, 0, 0]);
    const message = Buffer.concat([head, Buffer.alloc(1 << 20, 'junction')]);
    assert.equal(await sender.send(message), 'accepted');
    assertSame([message], receiver.messages);
    sender.close();
    receiver.close();
  });

  it('keeps what the header says, lowers the time to live, and adds only annotations of its own', async () => {
    const receiver = await RawReceiver.open(port, 'out.header');
    const sender = await RawSender.open(port, 'in.header');
    const sent = {
      durable: true,
      priority: 8,
      ttl: 100_000,
      delivery_count: 3,
      message_annotations: { 'x-opt-jms-dest': rhea.types.wrap_byte(0), 'x-own': 'kept' },
      delivery_annotations: { 'x-for-one-hop': 1 },
      to: 'in.header',
      body: 'text',
    };
    assert.equal(await sender.send(rhea.message.encode(sent as never)), 'accepted');
    const got = rhea.message.decode(receiver.messages[0]!) as unknown as rhea.Message;
    assert.equal(got.durable, true);
    assert.equal(got.priority, 8);
    assert.equal(got.delivery_count, 3);
    assert.ok(got.ttl! > 0 && got.ttl! <= 100_000, `a time to live of ${got.ttl}`);
    assert.equal(got.to, 'in.header');
    assert.deepEqual(
      { ...got.message_annotations },
      { 'x-opt-jms-dest': 0, 'x-own': 'kept', 'x-opt-junction-hops': 1 },
    );
    // Delivery annotations are meant for the next peer alone (§3.2.2).
    assert.equal(got.delivery_annotations, undefined);
    sender.close();
    receiver.close();
  });

  it('passes on as it is what it has no need to decode, and refuses what is no message', async () => {
    const receiver = await RawReceiver.open(port, 'out.odd');
    const sender = await RawSender.open(port, 'in.odd');
    // A list that claims three elements and has bytes of none: its size is right, so it can be passed by.
    const odd = Buffer.from('005377c0040398ffff', 'hex');
    assert.equal(await sender.send(odd), 'accepted');
    assertSame([odd], receiver.messages);
    assert.equal(await sender.send(Buffer.from('005377c0ff0398ffff', 'hex')), 'rejected');
    assert.equal(receiver.messages.length, 1);
    sender.close();
    receiver.close();
  });

  it('keeps the bytes of rhea', async () => {
    const receiver = await RawReceiver.open(port, 'out.rhea');
    const tap = await Tap.open(port);
    const container = rhea.create_container();
    const connection = container.connect({ port: tap.port, host: '127.0.0.1', reconnect: false });
    const sender = connection.open_sender('in.rhea');
    let settled = 0;
    sender.on('settled', () => settled++);
    const messages: rhea.Message[] = [
      {
        message_id: 1,
        to: 'in.rhea',
        subject: 's',
        body: 'text',
        application_properties: { a: 1, b: 'two' },
      },
      { body: rhea.message.data_section(Buffer.from('data')) as object, content_type: 'a/b', group_id: 'g' },
      { body: rhea.message.sequence_section(['a', 1]) as object, correlation_id: Buffer.from('c') },
      { body: { map: [1, 2, { three: null }] } },
    ];
    sender.once('sendable', () => messages.forEach((message) => sender.send(message)));
    await until(() => settled === messages.length, 'all are settled');
    connection.close();
    receiver.close();
    await tap.close();
    assertSame(tap.sent, receiver.messages);
  });
});
