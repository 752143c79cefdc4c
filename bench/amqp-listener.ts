// Throughput of the AMQP listener, 256 B, 10 raw senders that use all the credit they get:
//   node --import tsx bench/amqp-listener.ts [seconds]
// First every message is accepted at once by a route; then 10 raw receivers take them from 10 queues, and a message
// is accepted when its receiver has settled it. Senders and receivers are processes of their own.
import { fork, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { accepted } from '../src/core/outcome.ts';
import amqp from '../src/protocols/amqp/index.ts';
import * as raw from './load/amqp-frames.ts';
import { framed } from './load/frames.ts';

const connections = 10;
const seconds = Number(process.argv[2] ?? 5);
const { code, described, frame, nothing, string, uint, ubyte, ushort, yes, no } = raw;

function openings(lane: number, receiver: boolean): Buffer {
  const address = string(`bench.${lane}`);
  const [source, target] = receiver
    ? [described(code.source, address), described(code.target)]
    : [described(code.source), described(code.target, address)];
  return Buffer.concat([
    raw.header.amqp,
    frame(described(code.open, string(`bench-${process.pid}-${lane}`), nothing, uint(65_536), ushort(0))),
    frame(described(code.begin, nothing, uint(0), uint(65_535), uint(65_535), uint(0))),
    frame(
      // name, handle, role, snd-settle-mode, rcv-settle-mode, source, target, unsettled, incomplete, initial count
      described(
        code.attach,
        string('bench'),
        uint(0),
        receiver ? yes : no,
        ubyte(receiver ? 2 : 0),
        ubyte(0),
        source,
        target,
        nothing,
        nothing,
        uint(0),
      ),
    ),
  ]);
}

/** Calls back for every performative but the first header. */
function frames(each: (performative: raw.Performative, bytes: Buffer) => void, done: () => void) {
  const performative: raw.Performative = { code: 0, fields: 0, count: 0, end: 0 };
  return framed((bytes, start) => {
    if (bytes.length - start < 8) return -1;
    const size = bytes.readUInt32BE(start);
    if (size === 0x414d5150) return start + 8;
    if (bytes.length - start < size) return -1;
    if (size > 8) each(raw.readPerformative(bytes, start + 8, performative), bytes);
    return start + size;
  }, done);
}

function send(port: number, lane: number): void {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const message = Buffer.concat([
    Buffer.from([0x00, 0x53, code.data, 0xb0, 0, 0, 1, 0]),
    Buffer.alloc(256, 0x61),
  ]);
  const transfer = frame(
    Buffer.concat([
      described(code.transfer, uint(0), uint(0), Buffer.from([0xa0, 1, 1]), uint(0), no),
      message,
    ]),
  );
  const idAt = 8 + 12 + 5 + 1;
  let [sent, limit] = [0, 0];
  socket.write(openings(lane, false));
  const each = (flow: raw.Performative, bytes: Buffer): void => {
    if (flow.code !== code.flow) return;
    let at = flow.fields;
    const fields: (number | undefined)[] = [];
    for (let i = 0; i < Math.min(7, flow.count); i++) {
      fields.push(raw.readUint(bytes, at));
      at = raw.skip(bytes, at);
    }
    const [nextIncoming, window, , , , count, credit] = fields;
    if (credit !== undefined) limit = Math.min(count! + credit, (nextIncoming ?? 0) + window!);
  };
  const done = (): void => {
    if (sent >= limit) return;
    const batch = Buffer.allocUnsafeSlow((limit - sent) * transfer.length);
    for (let at = 0; sent < limit; at += transfer.length) {
      transfer.copy(batch, at);
      batch.writeUInt32BE(sent++, at + idAt);
    }
    socket.write(batch);
  };
  socket.on('data', frames(each, done));
}

let taken = 0;

function receive(port: number, lane: number): void {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  let [got, settled, granted] = [0, 0, 0];
  socket.write(openings(lane, true));
  const each = (performative: raw.Performative): void => {
    if (performative.code !== code.transfer) return;
    got++;
    taken++;
  };
  const done = (): void => {
    if (got > settled)
      socket.write(
        frame(described(code.disposition, yes, uint(settled), uint(got - 1), yes, raw.acceptedState)),
      );
    settled = got;
    if (granted - got > 1000) return;
    granted = got + 2000;
    const flow = [uint(got), uint(65_535), uint(0), uint(65_535), uint(0), uint(got), uint(2000)];
    socket.write(frame(described(code.flow, ...flow)));
  };
  socket.on('data', frames(each, done));
}

async function measure(title: string, routed: boolean): Promise<void> {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const role = amqp.listener!;
  const listener = role.create(role.config.parse({ listen: '127.0.0.1:0' }), { name: 'bench', log: silent });
  await listener.open();
  let messages = 0;
  const outcome = Promise.resolve(accepted);
  await listener.source.start({
    patterns: [],
    readerOf: () => (routed ? 'bench' : undefined),
    deliver: () => {
      messages++;
      return outcome;
    },
  });
  const port = listener.status().at.split(':').at(-1)!;
  const child = (what: string): ChildProcess =>
    fork(fileURLToPath(import.meta.url), [what, port], { execArgv: process.execArgv });
  const children = routed ? [child('send')] : [child('receive'), child('send')];
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  let received = 0;
  for (const each of children) each.on('message', (count: number) => (received = count));
  const counted = (): number => (routed ? messages : received);
  await wait(3000);
  for (let round = 0; round < 3; round++) {
    const [before, cpu, from] = [counted(), process.cpuUsage(), performance.now()];
    await wait(seconds * 1000);
    const done = counted() - before;
    const used = process.cpuUsage(cpu);
    const rate = (done / (performance.now() - from)) * 1000;
    const each = (used.user + used.system) / done;
    console.log(`${title}: ${Math.round(rate)} msg/s, ${each.toFixed(2)} µs CPU per message in the listener`);
  }
  for (const each of children) each.kill();
  await listener.close();
}

const [what, port] = process.argv.slice(2);
if (what === 'send' || what === 'receive') {
  for (let lane = 0; lane < connections; lane++) (what === 'send' ? send : receive)(Number(port), lane);
  if (what === 'receive') setInterval(() => process.send!(taken), 20);
} else {
  await measure('sender → route', true);
  await measure('sender → queue → receiver', false);
}
