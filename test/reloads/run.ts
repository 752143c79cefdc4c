import { parseArgs } from 'node:util';
import { runReloads, summary } from './rounds.ts';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '1000' }, seed: { type: 'string' } },
});
const seed = values.seed === undefined ? Math.floor(Math.random() * 1_000_000) : Number(values.seed);
process.stdout.write(`seed ${seed}\n`);
const since = Date.now();
const result = await runReloads({
  count: Number(values.count),
  seed,
  onRound(round, load) {
    if (round % 500 !== 499) return;
    const { sent, received, doubled, reordered } = load.tally;
    const seconds = Math.round((Date.now() - since) / 1000);
    const heap = Math.round(process.memoryUsage().heapUsed / 2 ** 20);
    process.stdout.write(
      `${round + 1} reloads in ${seconds} s, sent ${sent}, received ${received}, doubled ${doubled}, reordered ${reordered}, heap ${heap} MiB\n`,
    );
  },
});
process.stdout.write(
  `${result.refused} of faulty files; the publisher was disconnected ${result.disconnects} times\n`,
);
process.stdout.write(`${summary(result)}\n`);
process.exit(result.lost + result.doubled + result.reordered + result.disconnects === 0 ? 0 : 1);
