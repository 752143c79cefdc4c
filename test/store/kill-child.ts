/**
 * A process that takes and delivers messages through a spool until it is killed; or, with `drain`, until all is
 * delivered. What it acknowledges and delivers goes into files, a line each, in single writes that outlive it.
 * Arguments: folder, seed, `work` or `drain`.
 */
import { openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parsePattern, type AddressSyntax } from '../../src/core/address.ts';
import { envelope } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import type { Log, Sink } from '../../src/core/protocol.ts';
import { parseTemplate } from '../../src/core/template.ts';
import { Dispatcher } from '../../src/routing/dispatch.ts';
import { retryPolicy } from '../../src/routing/route/retry.ts';
import { Spool } from '../../src/routing/spool/spool.ts';
import { drainLimits } from '../../src/routing/spool/spool-drain.ts';
import { RoutingTable } from '../../src/routing/plan/table.ts';
import { Store } from '../../src/store/store.ts';
import { keys, window } from './kill-oracle.ts';
import { randomFrom } from './random.ts';

const [folder, seed, mode] = process.argv.slice(2) as [string, string, string];
const random = randomFrom(Number(seed));
const quiet: Log = { debug() {}, info() {}, warn() {}, error: (_, message) => console.error(message) };
const acks = openSync(join(folder, 'acks'), 'a');
const deliveries = openSync(join(folder, 'deliveries'), 'a');

let down = false;
const lost = new Set<() => void>();
/** A connection that breaks now and then. */
const sink: Sink = {
  async send({ body }) {
    if (!down && mode === 'work' && random() < 0.002) {
      down = true;
      for (const each of lost) each();
      lost.clear();
      setTimeout(() => (down = false), random() * 5);
    }
    if (down) throw new JunctionError('unavailable', 'away');
    let lose: (() => void) | undefined;
    const broken = new Promise<never>((_, reject) => {
      lose = () => reject(new JunctionError('timeout', 'broken'));
      lost.add(lose);
    });
    await Promise.race([new Promise((answered) => setImmediate(answered)), broken]);
    lost.delete(lose!);
    writeSync(deliveries, `${Buffer.from(body!).toString()}\n`);
  },
};

const syntax: AddressSyntax = { separators: '/', one: [], rest: ['#'], maxBytes: 1000 };
const retry = retryPolicy([{ backoff: { from: 5, to: 20 } }], true);
const settings = { maxBytes: 2 ** 40, maxMessages: undefined, maxAge: undefined, full: 'block' } as const;
const table = new RoutingTable(
  [
    {
      name: 'r',
      description: undefined,
      owner: undefined,
      file: '',
      line: 1,
      from: { endpoint: 'source', pattern: parsePattern('#', syntax) },
      to: [{ endpoint: 'target', template: parseTemplate('x', []), retry }],
      deadLetter: 'store',
      spool: settings,
    },
  ],
  () => syntax,
);

const store = new Store({ folder: join(folder, 'store'), damaged: 'refuse' }, quiet);
await store.open();
const dispatcher = new Dispatcher(table, new Map([['target', sink]]), quiet, {
  store: store.deadLetters,
  spoolOf: (): Spool => spool,
});
const spool = new Spool(store.spool('r'), settings, dispatcher.handover('r'), quiet, {
  ...drainLimits,
  window,
});
const intake = dispatcher.intakeOf('source');
spool.start();
process.send?.('open');

/** Numbers are never used twice, also not by the process after this one: a thousand are set aside at a time. */
let number = 0;
let reserved = 0;
const counter = join(folder, 'counter');
function next(): number {
  if (number === reserved) {
    number = Number(readFileSync(counter, { flag: 'a+' }).toString() || '0');
    reserved = number + 1000;
    // a kill in the middle must not leave an empty file
    writeFileSync(`${counter}.new`, String(reserved));
    renameSync(`${counter}.new`, counter);
  }
  return number++;
}

/** Sends the messages of one key, as one connection does: several unacknowledged at a time. */
async function produce(key: string): Promise<void> {
  for (;;) {
    const batch = Array.from({ length: 1 + Math.floor(random() * 20) }, () => `${key} ${next()}`);
    const outcomes = batch.map((text) =>
      intake.deliver(envelope({ address: 'a', key, body: Buffer.from(text) })),
    );
    await Promise.all(
      outcomes.map((outcome, i) =>
        outcome.then(({ state }) => void (state === 'accepted' && writeSync(acks, `${batch[i]}\n`))),
      ),
    );
    // now and then the drain may catch up, so that kills hit removals as well
    while (spool.counts.messages > 3000) await new Promise((resume) => setImmediate(resume));
  }
}

if (mode === 'work') await Promise.all(Array.from({ length: keys }, (_, i) => produce(`k${i}`)));
while (spool.counts.messages > 0 || spool.counts.underWay > 0)
  await new Promise((resume) => setTimeout(resume, 2));
await spool.stop();
await store.close();
process.disconnect?.();
