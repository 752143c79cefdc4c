/**
 * The spool beside the bare store: durable messages/s taken, and delivered; how soon a million waiting messages are
 * being delivered after a start; how much disk they need.
 * node --import tsx bench/spool.ts [--messages 1000000] [--rounds 3] [--folder data]
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { open } from 'lmdb';
import { parsePattern, type AddressSyntax } from '../src/core/address.ts';
import { envelope } from '../src/core/envelope.ts';
import type { Intake, Log, Sink } from '../src/core/protocol.ts';
import { parseTemplate } from '../src/core/template.ts';
import { Dispatcher } from '../src/routing/dispatch.ts';
import { retryPolicy } from '../src/routing/route/retry.ts';
import { Spool } from '../src/routing/spool/spool.ts';
import { RoutingTable } from '../src/routing/plan/table.ts';
import { Store } from '../src/store/store.ts';

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const total = Number(values.messages);
const outstanding = 1000;
const perRound = Math.min(total, 200_000);
const body = Buffer.alloc(256, 7);
const quiet: Log = { debug() {}, info() {}, warn: console.warn, error: console.error };

interface Figure {
  readonly rate: number;
  /** µs of process CPU for a message. */
  readonly cpu: number;
}

/** Keeps so many pieces of work outstanding until `count` are done. */
async function measure(count: number, work: (n: number) => Promise<unknown>): Promise<Figure> {
  let next = 0;
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const one = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: outstanding }, one));
  return figureOf(count, begin, cpu);
}

function figureOf(count: number, begin: number, since: NodeJS.CpuUsage): Figure {
  const seconds = (performance.now() - begin) / 1000;
  const { user, system } = process.cpuUsage(since);
  return { rate: count / seconds, cpu: (user + system) / count };
}

/** Appends of 256 bytes to a table of lmdb, each awaiting that all before it is flushed. */
async function bare(folder: string, overlappingSync: boolean): Promise<Figure> {
  const root = open<Buffer, number>({ path: folder, noSubdir: false, encoding: 'binary', overlappingSync });
  const figure = await measure(perRound, async (n) => {
    void root.put(n, body);
    await root.flushed;
  });
  await root.close();
  return figure;
}

const syntax: AddressSyntax = { separators: '/', one: ['+'], rest: ['#'], maxBytes: 1000 };
const settings = { maxBytes: 2 ** 40, maxMessages: undefined, maxAge: undefined, full: 'block' } as const;
const table = new RoutingTable(
  [
    {
      name: 'bench',
      description: undefined,
      owner: undefined,
      file: '',
      line: 1,
      from: { endpoint: 'source', pattern: parsePattern('plants/#', syntax) },
      to: [{ endpoint: 'target', template: parseTemplate('out', []), retry: retryPolicy([], true) }],
      deadLetter: 'store',
      spool: settings,
    },
  ],
  () => syntax,
);

/** A store with one spooled route from an intake to a sink that takes everything at once. */
async function spooling(
  folder: string,
): Promise<{ store: Store; spool: Spool; intake: Intake; delivered(): number }> {
  const store = new Store({ folder, damaged: 'refuse' }, quiet);
  await store.open();
  let delivered = 0;
  const sink: Sink = { send: () => (delivered++, Promise.resolve()) };
  const dispatcher = new Dispatcher(table, new Map([['target', sink]]), quiet, {
    store: store.deadLetters,
    spoolOf: (): Spool => spool,
  });
  const spool = new Spool(store.spool('bench'), settings, dispatcher.handover('bench'), quiet);
  return { store, spool, intake: dispatcher.intakeOf('source'), delivered: () => delivered };
}

const messageOf = (n: number) =>
  envelope({
    address: `plants/${n % 100}/temperature`,
    key: `machine-${n % 1000}`,
    contentType: 'application/json',
    body,
  });

async function taking(intake: Intake, count: number): Promise<Figure> {
  return measure(count, async (n) => {
    const { state } = await intake.deliver(messageOf(n));
    if (state !== 'accepted') throw new Error(`a message was ${state}`);
  });
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resume) => setImmediate(resume));
};

async function close(spool: Spool, store: Store): Promise<void> {
  await spool.stop();
  await store.close();
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(values.folder, 'junction-bench-'));
  return work(folder).finally(() => rm(folder, { recursive: true, force: true }));
}

const results = new Map<string, Figure[]>();
const keep = (name: string, figure: Figure): void => {
  results.set(name, [...(results.get(name) ?? []), figure]);
  console.log(
    `${name.padEnd(44)} ${Math.round(figure.rate).toLocaleString('en').padStart(9)}/s  ${figure.cpu.toFixed(1)} µs CPU`,
  );
};

for (let round = 0; round < Number(values.rounds); round++) {
  await inFolder(async (folder) => keep('bare lmdb, overlapping sync', await bare(folder, true)));
  await inFolder(async (folder) => keep('bare lmdb, one transaction at a time', await bare(folder, false)));
  await inFolder(async (folder) => {
    const { store, spool, intake } = await spooling(folder);
    keep('spool: taken', await taking(intake, perRound));
    await close(spool, store);
  });
  await inFolder(async (folder) => {
    const { store, spool, intake } = await spooling(folder);
    spool.start();
    const cpu = process.cpuUsage();
    const begin = performance.now();
    await taking(intake, perRound);
    await until(() => spool.counts.messages === 0);
    keep('spool: taken and delivered at the same time', figureOf(perRound, begin, cpu));
    await close(spool, store);
  });
}

await inFolder(async (folder) => {
  const filling = await spooling(folder);
  await taking(filling.intake, total);
  await close(filling.spool, filling.store);
  const { size } = await stat(join(folder, 'data.mdb'));

  const begin = performance.now();
  const { store, spool, ...sink } = await spooling(folder);
  const opened = performance.now() - begin;
  spool.start();
  await until(() => sink.delivered() > 0);
  const first = performance.now() - begin;
  const cpu = process.cpuUsage();
  const draining = performance.now();
  await until(() => spool.counts.messages === 0 && spool.counts.underWay === 0);
  keep(`spool: ${total.toLocaleString('en')} waiting messages delivered`, figureOf(total, draining, cpu));
  await close(spool, store);
  console.log(
    `start with ${total.toLocaleString('en')} waiting messages: open after ${opened.toFixed(0)} ms, first delivery after ${first.toFixed(0)} ms`,
  );
  console.log(
    `disk: ${(size / 2 ** 20).toFixed(0)} MiB, ${(size / total).toFixed(0)} bytes for a message of 256 bytes`,
  );
});

console.log('\nmedians');
for (const [name, figures] of results) {
  const middle = figures.toSorted((a, b) => a.rate - b.rate)[Math.floor(figures.length / 2)]!;
  console.log(`| ${name} | ${Math.round(middle.rate).toLocaleString('en')} | ${middle.cpu.toFixed(1)} |`);
}
