/**
 * A process that sends numbered messages and repeats of them through two routes with deduplication, until it is killed;
 * or, with `drain`, repeats every message once more, delivers what is in the spool and ends. What happens goes into a
 * file, a line each, in single writes that outlive it. Arguments: folder, seed, `work` or `drain`.
 */
import { openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { envelope } from '../../src/core/envelope.ts';
import type { Log, Sink } from '../../src/core/protocol.ts';
import { parseValueTemplate } from '../../src/core/value-template.ts';
import { Deduplications } from '../../src/routing/dedup.ts';
import { Spool } from '../../src/routing/spool/spool.ts';
import { Store } from '../../src/store/store.ts';
import { randomFrom } from '../store/random.ts';
import { gateway, route } from './support.ts';

const [folder, seed, mode] = process.argv.slice(2) as [string, string, string];
const random = randomFrom(Number(seed));
const quiet: Log = { debug() {}, info() {}, warn() {}, error: (_, message) => console.error(message) };
const events = openSync(join(folder, 'events'), 'a');
const past = readFileSync(join(folder, 'events'), 'utf8').split('\n').slice(0, -1);

/** Takes a message at once and answers later, so that kills come in between. */
const targetOf = (name: string): Sink => ({
  async send({ id }) {
    writeSync(events, `delivered ${name} ${String(id)}\n`);
    await new Promise((answered) => setImmediate(answered));
  },
});

const dedup = { by: parseValueTemplate('{id}', []), window: 3_600_000, max: 1_000_000 };
const settings = { maxBytes: 2 ** 40, maxMessages: undefined, maxAge: undefined, full: 'block' } as const;
const store = new Store({ folder: join(folder, 'store'), damaged: 'refuse' }, quiet);
await store.open();
const all = new Deduplications(store, quiet);
const { dispatcher } = gateway(
  [
    route('plain', ['mqtt', 'plain'], [['amqp', 'x']], { dedup }),
    route('spooled', ['mqtt', 'spooled'], [['stomp', 'x']], { dedup, spool: settings, deadLetter: 'store' }),
  ],
  { amqp: targetOf('plain'), stomp: targetOf('spooled') },
  { store: store.deadLetters, spoolOf: (): Spool => spool, dedupOf: (each) => all.of(each, each.dedup!) },
);
const spool = new Spool(store.spool('spooled'), settings, dispatcher.handover('spooled'), quiet);
const intake = dispatcher.intakeOf('mqtt');

async function send(name: string, id: string): Promise<void> {
  const { state } = await intake.deliver(envelope({ address: name, id, body: Buffer.from(id) }));
  if (state !== 'accepted') throw new Error(`${name} ${id} was ${state}`);
  writeSync(events, `acknowledged ${name} ${id}\n`);
}

/** Every message that was ever begun, whether it was acknowledged or not. */
const begun = past.filter((line) => line.startsWith('begun')).map((line) => line.slice('begun '.length));
process.send?.('open');

if (mode === 'work')
  for (let n = begun.length; ;) {
    const batch = Array.from({ length: 1 + Math.floor(random() * 20) }, () => {
      if (begun.length > 0 && random() < 0.5) return begun[Math.floor(random() * begun.length)]!;
      const id = String(n++);
      begun.push(id);
      writeSync(events, `begun ${id}\n`);
      return id;
    });
    await Promise.all(batch.flatMap((id) => [send('plain', id), send('spooled', id)]));
  }

for (let at = 0; at < begun.length; at += 500)
  await Promise.all(begun.slice(at, at + 500).flatMap((id) => [send('plain', id), send('spooled', id)]));
spool.start();
while (spool.counts.messages > 0 || spool.counts.underWay > 0)
  await new Promise((resume) => setTimeout(resume, 2));
await spool.stop();
await store.close();
process.disconnect?.();
