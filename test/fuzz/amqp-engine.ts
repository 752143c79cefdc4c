// Structure-aware fuzzing of the AMQP engine: `npm run fuzz -- [--runs N] [--seed S]`.
// Each input is one connection: a plausible sequence of frames, some of them damaged, cut into chunks anywhere, while
// the owner answers, sends and detaches at random. Nothing may throw, what the engine says must be whole frames, it
// must be quiet once closed, and neither time nor memory may run away.
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { readMessage } from '../../src/protocols/amqp/codec/message-view.ts';
import { writeMessage } from '../../src/protocols/amqp/codec/message-writer.ts';
import { DecodeError } from '../../src/protocols/amqp/codec/types.ts';
import type {
  ConnectionHandler,
  DeliveryOutcome,
  IncomingDelivery,
  IncomingLink,
  OutgoingLink,
} from '../../src/protocols/amqp/engine/api.ts';
import { AmqpConnection } from '../../src/protocols/amqp/engine/connection.ts';
import { framePool, openings, transferPool } from './amqp-frames.ts';

export interface FuzzResult {
  readonly inputs: number;
  /** How many connections ended in an error of the peer's, and how many went on to the end. */
  readonly refused: number;
  readonly survived: number;
  readonly deliveries: number;
  /** The most heap and external memory seen, in bytes above the start. */
  readonly memory: number;
}

/** Numbers 0 … 1 that one seed always yields alike (mulberry32). */
function randomness(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

const outcomes: readonly DeliveryOutcome[] = [
  { state: 'accepted' },
  { state: 'rejected', error: { condition: 'amqp:not-found', description: 'x'.repeat(300) } },
  { state: 'released' },
  { state: 'modified', deliveryFailed: true, undeliverableHere: false },
];
const message = writeMessage({ body: { kind: 'data', bytes: Buffer.alloc(700) } });

class FuzzOwner implements ConnectionHandler {
  readonly connection: AmqpConnection;
  readonly unsettled: IncomingDelivery[] = [];
  readonly links: (IncomingLink | OutgoingLink)[] = [];
  closed = false;
  deliveries = 0;
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
    this.connection = new AmqpConnection(
      {
        containerId: 'fuzz',
        maxMessageSize: 20_000,
        maxFrameSize: 4_096,
        incomingWindow: 16,
        mechanisms: ['PLAIN', 'ANONYMOUS', 'SCRAM-SHA-256'],
      },
      this,
    );
  }

  authenticate(): boolean {
    return this.#random() < 0.95;
  }
  scramCredential(): undefined {
    return undefined;
  }
  onOpen(connection: { close(): void }): void {
    if (this.#random() < 0.02) connection.close();
  }
  onIncomingLink(link: IncomingLink): void {
    this.links.push(link);
    if (this.#random() < 0.05) return;
    if (this.#random() < 0.1) return link.refuse({ condition: 'amqp:not-found' });
    const handler = { onTransfer: (d: IncomingDelivery) => this.#take(d), onDetach: () => undefined };
    link.accept({ window: Math.floor(this.#random() * 20), handler });
  }
  onOutgoingLink(link: OutgoingLink): void {
    this.links.push(link);
    if (this.#random() < 0.05) return;
    link.accept({ handler: { onCredit: (l) => this.#send(l), onDetach: () => undefined } });
  }
  onOutput(): void {
    // flushed by the run
  }
  onClosed(): void {
    if (this.closed) throw new Error('closed twice');
    this.closed = true;
  }

  #take(delivery: IncomingDelivery): void {
    if (this.closed) throw new Error('a delivery after the end');
    this.deliveries++;
    readParts(delivery.bytes);
    if (this.#random() < 0.5) delivery.settle(this.#outcome());
    else this.unsettled.push(delivery);
  }

  #send(link: OutgoingLink): void {
    for (let i = 0; i < 5 && link.credit > 0; i++)
      link.send(message, () => {
        if (link.credit > 0 && this.#random() < 0.5) link.send(message);
      });
  }

  #outcome(): DeliveryOutcome {
    return outcomes[Math.floor(this.#random() * outcomes.length)]!;
  }

  /** What an owner may do at any time. */
  act(): void {
    const what = this.#random();
    if (what < 0.3) this.unsettled.pop()?.settle(this.#outcome());
    else if (what < 0.4) this.unsettled.shift()?.settle(this.#outcome());
    else if (what < 0.43) this.links[Math.floor(this.#random() * this.links.length)]?.detach();
    else if (what < 0.46) for (const link of this.links) if (link.direction === 'incoming') link.setWindow(3);
    if (what > 0.99) this.connection.close({ condition: 'amqp:connection:forced' });
  }
}

/** Reads every part of a message, as a route might; only its being malformed may stop that. */
function readParts(bytes: Buffer): void {
  try {
    const view = readMessage(bytes);
    void [view.header, view.deliveryAnnotations, view.messageAnnotations, view.properties];
    void [view.applicationProperties, view.body, view.footer];
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

const interesting = [0, 1, 0x40, 0x45, 0x53, 0x70, 0x7f, 0x80, 0xa1, 0xb0, 0xc0, 0xd0, 0xe0, 0xf0, 0xff];

/** Changes some bytes behind the frame's header; rarely the header too. */
function damage(frame: Buffer, random: () => number): Buffer {
  const copy = Buffer.from(frame);
  const from = random() < 0.05 ? 0 : 8;
  if (copy.length <= from) return copy;
  const edits = 1 + Math.floor(random() * 3);
  for (let i = 0; i < edits; i++) {
    const at = from + Math.floor(random() * (copy.length - from));
    copy[at] = random() < 0.7 ? interesting[Math.floor(random() * interesting.length)]! : random() * 256;
  }
  if (random() < 0.2) {
    // cut, with a size that says so
    const cut = copy.subarray(0, 8 + Math.floor(random() * (copy.length - 8)));
    cut.writeUInt32BE(cut.length);
    return cut;
  }
  return copy;
}

interface Pools {
  readonly frames: readonly Buffer[];
  readonly transfers: readonly (readonly Buffer[])[];
}

const pick = <T>(random: () => number, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;

/** The opening and what follows; apart, since credit is granted between them. */
function sequence(random: () => number, pools: Pools): [Buffer, Buffer] {
  const odds = random() < 0.3 ? 0 : 0.15;
  const join = (parts: readonly Buffer[], chance: number): Buffer =>
    Buffer.concat(parts.map((part) => (random() < chance ? damage(part, random) : part)));
  const opening = join(pick(random, openings), odds / 3);
  const parts: Buffer[] = [];
  const count = Math.floor(random() * 15);
  let id = 0;
  for (let i = 0; i < count; i++)
    parts.push(random() < 0.5 ? pick(random, pools.transfers[id++]!) : pick(random, pools.frames));
  return [opening, join(parts, odds)];
}

/** What the engine says is protocol headers and whole frames. */
function check(chunk: Buffer): void {
  for (let pos = 0; pos < chunk.length;) {
    const isHeader = chunk.readUInt32BE(pos) === 0x414d5150;
    const size = isHeader ? 8 : chunk.readUInt32BE(pos);
    if (size < 8 || pos + size > chunk.length) throw new Error(`a broken frame of ${size} bytes was written`);
    pos += size;
  }
}

function runOne(random: () => number, opening: Buffer, bytes: Buffer): FuzzOwner {
  const owner = new FuzzOwner(random);
  const flush = (): void => {
    const out: Buffer[] = [];
    owner.connection.flush((chunk) => out.push(chunk));
    if (out.length > 0) check(out.length === 1 ? out[0]! : Buffer.concat(out));
  };
  owner.connection.receive(opening);
  flush();
  const step = random() < 0.1 ? 7 : random() < 0.5 ? bytes.length : 1 + Math.floor(random() * 200);
  for (let pos = 0; pos < bytes.length; pos += step) {
    owner.connection.receive(bytes.subarray(pos, pos + step));
    owner.act();
    flush();
  }
  owner.connection.tick(0);
  owner.connection.tick(1_000);
  flush();
  return owner;
}

/** @throws Error naming seed and input, as soon as one input breaks a rule */
export function fuzz(runs: number, seed: number): FuzzResult {
  const base = memory();
  const result = { inputs: 0, refused: 0, survived: 0, deliveries: 0, memory: 0 };
  const pools: Pools = { frames: framePool(), transfers: transferPool() };
  for (let i = 0; i < runs; i++) {
    const random = randomness((seed + Math.imul(i, 0x9e3779b1)) >>> 0);
    const [opening, bytes] = sequence(random, pools);
    const started = process.hrtime.bigint();
    try {
      const owner = runOne(random, opening, bytes);
      result.deliveries += owner.deliveries;
      if (owner.closed) result.refused++;
      else result.survived++;
      owner.connection.disconnected();
      if (owner.connection.state !== 'closed') throw new Error('it does not end');
      if (Number(process.hrtime.bigint() - started) > 2e9) throw new Error('it took more than two seconds');
    } catch (error) {
      throw new Error(`seed ${seed}, input ${i}: ${opening.toString('hex')} ${bytes.toString('hex')}`, {
        cause: error,
      });
    }
    result.inputs++;
    if (i % 1_000 === 0) result.memory = Math.max(result.memory, memory() - base);
  }
  return result;
}

function memory(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { values } = parseArgs({
    options: { runs: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
  });
  const { memory: most, ...counts } = fuzz(Number(values.runs), Number(values.seed));
  const mebi = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(0)} MiB`;
  console.log({
    seed: Number(values.seed),
    ...counts,
    seconds: Math.round(performance.now() / 1000),
    memory: mebi(most),
    residentPeak: mebi(process.resourceUsage().maxRSS * 1024),
  });
}
