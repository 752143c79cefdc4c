// Engine to engine on one core: `node --import tsx bench/amqp-engine.ts [--messages N] [--batch N] [--size N]`.
// A hand-made client (frames prepared beforehand, so that it costs next to nothing) sends unsettled transfers; the
// engine hands each to its owner, who accepts it; the dispositions are read back and counted. The second figure is
// the whole relay: the same transfers, each sent on over a second engine to a receiver whose dispositions settle them.
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { writeMessage } from '../src/protocols/amqp/codec/message-writer.ts';
import { readMessage } from '../src/protocols/amqp/codec/message-view.ts';
import { Writer } from '../src/protocols/amqp/codec/writer.ts';
import type { ConnectionHandler, IncomingDelivery, OutgoingLink } from '../src/protocols/amqp/engine/api.ts';
import { AmqpConnection } from '../src/protocols/amqp/engine/connection.ts';
import { writeDisposition, Disposition } from '../src/protocols/amqp/engine/frames/disposition.ts';
import { accepted } from '../src/protocols/amqp/engine/frames/outcome.ts';
import { writeTransfer } from '../src/protocols/amqp/engine/frames/transfer.ts';
import { Cursor } from '../src/protocols/amqp/codec/cursor.ts';
import { descriptor } from '../src/protocols/amqp/codec/codes.ts';
import { amqpHeader, attach, begin, flow, open } from '../test/protocols/amqp/raw.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '2000000' },
    batch: { type: 'string', default: '100' },
    size: { type: 'string', default: '256' },
  },
});
const messages = Number(values.messages);
const batch = Number(values.batch);
const body = Buffer.alloc(Number(values.size), 0x61);
const message = writeMessage({
  header: { durable: true },
  properties: { messageId: 'm-000001', to: 'telemetry.p1', contentType: 'application/json' },
  applicationProperties: [
    ['site', 'north'],
    ['seq', 7, 'uint'],
  ],
  body: { kind: 'data', bytes: body },
});

function frame(fill: (writer: Writer) => void): Buffer {
  const writer = new Writer(64);
  writer.u32(0);
  writer.u32(0x02000000);
  fill(writer);
  writer.setU32(writer.start, writer.length);
  return writer.take();
}

/** A batch of transfers from this delivery-id on. */
function transfers(from: number): Buffer {
  const frames: Buffer[] = [];
  for (let i = 0; i < batch; i++)
    frames.push(
      frame((writer) => {
        writeTransfer(writer, 0, (from + i) >>> 0, 0, false, false);
        writer.bytes(message);
      }),
    );
  return Buffer.concat(frames);
}

const refuse = (): never => {
  throw new Error('not expected here');
};

class Owner implements ConnectionHandler {
  readonly connection = new AmqpConnection({ containerId: 'bench' }, this);
  out: OutgoingLink | undefined;
  forward: ((delivery: IncomingDelivery) => void) | undefined;
  authenticate = (): boolean => true;
  onOpen = (): void => undefined;
  onOutput = (): void => undefined;
  onClosed = (error: unknown): void => {
    if (error) throw new Error(JSON.stringify(error));
  };
  onIncomingLink: ConnectionHandler['onIncomingLink'] = (link) =>
    link.accept({
      window: batch * 4,
      handler: {
        onTransfer: (delivery) => (this.forward ? this.forward(delivery) : delivery.settle(accepted)),
        onDetach: refuse,
      },
    });
  onOutgoingLink: ConnectionHandler['onOutgoingLink'] = (link) => {
    this.out = link;
    link.accept({ handler: { onCredit: () => undefined, onDetach: refuse } });
  };
}

const disposition = new Disposition();
const cursor = new Cursor(Buffer.alloc(0));

/** Counts the deliveries that the dispositions in this output settle; all must be accepted. */
function settledIn(chunk: Buffer): number {
  let count = 0;
  for (let pos = 0; pos < chunk.length;) {
    const end = pos + chunk.readUInt32BE(pos);
    cursor.reset(chunk, pos + 8, end);
    if (cursor.descriptor() === descriptor.disposition) {
      disposition.read(cursor);
      if (disposition.outcome !== accepted || !disposition.settled) throw new Error('not accepted');
      count += disposition.last - disposition.first + 1;
    }
    pos = end;
  }
  return count;
}

function run(name: string, step: (first: number) => number): void {
  for (let round = 0; round < 3; round++) {
    const cpu = process.cpuUsage();
    const started = performance.now();
    let settled = 0;
    for (let i = 0; i < messages; i += batch) settled += step(i);
    const seconds = (performance.now() - started) / 1000;
    const used = process.cpuUsage(cpu);
    if (settled !== messages) throw new Error(`${settled} of ${messages} settled`);
    console.log(
      `${name}: ${Math.round(messages / seconds).toLocaleString('en')} msg/s, ${((used.user + used.system) / messages).toFixed(2)} µs CPU/msg`,
    );
  }
}

// Beyond 255, so that every id is written in its long form and can be overwritten in place.
let sequence = 1000;
const prepared = transfers(sequence);

/** The batch again with the next ids: each stands twice in its frame, as delivery-id and as tag. */
function nextBatch(): Buffer {
  for (let pos = 0; pos < prepared.length; pos += prepared.readUInt32BE(pos)) {
    prepared.writeUInt32BE(sequence, pos + 16);
    prepared.writeUInt32BE(sequence, pos + 22);
    sequence = (sequence + 1) >>> 0;
  }
  return prepared;
}

const source = new Owner();
source.connection.receive(Buffer.concat([amqpHeader, open(), begin(), attach('sender')]));
source.connection.flush(() => undefined);

run('received, handed over, accepted, settled', () => {
  source.connection.receive(nextBatch());
  let settled = 0;
  source.connection.flush((chunk) => (settled += settledIn(chunk)));
  return settled;
});

const target = new Owner();
const endless = { handle: 0, delivery_count: 0, link_credit: 0xffff_ffff, incoming_window: 0xffff_ffff };
target.connection.receive(Buffer.concat([amqpHeader, open(), begin(), attach('receiver'), flow(endless)]));
target.connection.flush(() => undefined);
source.forward = (delivery) => {
  const view = readMessage(delivery.bytes);
  const bytes = writeMessage({
    header: view.header,
    properties: view.properties,
    applicationProperties: view.applicationProperties,
    body: view.body,
  });
  target.out!.send(bytes, (outcome) => delivery.settle(outcome));
};
let answered = 0;
run('relayed: decoded, encoded, sent on, settled by the receiver', () => {
  source.connection.receive(nextBatch());
  target.connection.flush(() => undefined);
  const from = answered;
  answered = (answered + batch) >>> 0;
  target.connection.receive(
    frame((writer) => writeDisposition(writer, true, from, (answered - 1) >>> 0, accepted)),
  );
  let settled = 0;
  source.connection.flush((chunk) => (settled += settledIn(chunk)));
  return settled;
});
