// The cost in CPU of the dispatcher alone, for one message to one target, to three, and to one with deduplication (with the
// disk): node --import tsx bench/dispatch.ts
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePattern, type AddressSyntax } from '../src/core/address.ts';
import { envelope } from '../src/core/envelope.ts';
import type { Sink } from '../src/core/protocol.ts';
import { parseTemplate } from '../src/core/template.ts';
import { parseValueTemplate } from '../src/core/value-template.ts';
import { Deduplications } from '../src/routing/dedup.ts';
import { Dispatcher } from '../src/routing/dispatch.ts';
import { RoutingTable } from '../src/routing/plan/table.ts';
import { countingSink } from '../src/gateway/counting-sink.ts';
import { LossCounts } from '../src/gateway/loss-counts.ts';
import { amqpTraits } from '../src/protocols/amqp/traits.ts';
import { Store } from '../src/store/store.ts';
import { spread } from './report/statistics.ts';

const syntax: AddressSyntax = { separators: '/', one: ['+'], rest: ['#'], maxBytes: 65_535, hidden: '$' };
/** Messages of one round, of which so many are under way at one time. */
const [messages, window] = [400_000, 500];

/** A peer that confirms at the end of the tick, in order. */
function batchingSink(): Sink {
  let waiting: (() => void)[] = [];
  return {
    send: () =>
      new Promise((resolve) => {
        if (waiting.length === 0)
          setImmediate(() => {
            const due = waiting;
            waiting = [];
            for (const confirm of due) confirm();
          });
        waiting.push(resolve);
      }),
  };
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };
let ids = 0;

async function round(targets: number, store?: Store): Promise<number> {
  const pattern = parsePattern('plants/{plant}', syntax);
  const names = Array.from({ length: targets }, (_, n) => `target${n}`);
  const to = names.map((endpoint) => ({ endpoint, template: parseTemplate('t/{plant}', ['plant']) }));
  const route = {
    name: 'r',
    description: undefined,
    owner: undefined,
    file: '',
    line: 1,
    from: { endpoint: 'from', pattern },
    to,
    dedup: store && { by: parseValueTemplate('{id}', []), window: 600_000, max: 1_000_000 },
  };
  const dedup = store && new Deduplications(store, silent);
  const sinks = new Map(
    names.map((name) => [name, countingSink(batchingSink(), amqpTraits, new LossCounts().counterOf(name))]),
  );
  const intake = new Dispatcher(new RoutingTable([route], () => syntax), sinks, silent, {
    dedupOf: (each) => dedup!.of(each, each.dedup!),
  }).intakeOf('from');
  const body = Buffer.alloc(256);
  const addresses = Array.from({ length: 100 }, (_, n) => `plants/p${n}`);
  const start = process.cpuUsage();
  for (let n = 0; n < messages; n += window) {
    const batch: Promise<unknown>[] = [];
    for (let i = 0; i < window; i++)
      batch.push(
        intake.deliver(envelope({ address: addresses[i % 100]!, body, id: store && String(ids++) })),
      );
    await Promise.all(batch);
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / messages;
}

async function measure(name: string, targets: number, store?: Store): Promise<void> {
  const times: number[] = [];
  await round(targets, store);
  for (let n = 0; n < 7; n++) times.push(await round(targets, store));
  const { median, min, max } = spread(times);
  const shown = [median, min, max].map((time) => time.toFixed(2));
  console.log(`${name}: ${shown[0]} µs of CPU a message (${shown[1]} to ${shown[2]})`);
}

await measure('1 target', 1);
await measure('3 targets', 3);
const folder = await mkdtemp(join(tmpdir(), 'junction-bench-'));
const store = new Store({ folder, damaged: 'refuse' }, silent);
await store.open();
await measure('1 target, dedup', 1, store);
await store.close();
await rm(folder, { recursive: true });
