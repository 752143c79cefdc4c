// The cost in CPU of the dispatcher alone, for one message to one target and to three: node --import tsx bench/dispatch.ts
import { parsePattern, type AddressSyntax } from '../src/core/address.ts';
import { envelope } from '../src/core/envelope.ts';
import type { Sink } from '../src/core/protocol.ts';
import { parseTemplate } from '../src/core/template.ts';
import { Dispatcher } from '../src/routing/dispatch.ts';
import { RoutingTable } from '../src/routing/table.ts';
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

async function round(targets: number): Promise<number> {
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
  };
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const sinks = new Map(names.map((name) => [name, batchingSink()]));
  const intake = new Dispatcher(new RoutingTable([route], () => syntax), sinks, silent).intakeOf('from');
  const body = Buffer.alloc(256);
  const addresses = Array.from({ length: 100 }, (_, n) => `plants/p${n}`);
  const start = process.cpuUsage();
  for (let n = 0; n < messages; n += window) {
    const batch: Promise<unknown>[] = [];
    for (let i = 0; i < window; i++)
      batch.push(intake.deliver(envelope({ address: addresses[i % 100]!, body })));
    await Promise.all(batch);
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / messages;
}

for (const targets of [1, 3]) {
  const times: number[] = [];
  await round(targets);
  for (let n = 0; n < 7; n++) times.push(await round(targets));
  const { median, min, max } = spread(times);
  const shown = [median, min, max].map((time) => time.toFixed(2));
  console.log(
    `${targets} target${targets > 1 ? 's' : ''}: ${shown[0]} µs of CPU a message (${shown[1]} to ${shown[2]})`,
  );
}
