import type { Phase } from '../driver/phase.ts';
import type { Round } from '../driver/round.ts';
import { Histogram } from '../load/histogram.ts';
import type { Measured } from './result.ts';
import { spread } from './statistics.ts';

interface Row {
  readonly name: string;
  readonly digits: number;
  /** Of one round; undefined where it was not measured. */
  readonly of: (round: Round) => number | undefined;
}

const quantile = (phase: Phase, share: number): number => {
  const histogram = new Histogram();
  histogram.add(phase.endToEndLatency);
  return histogram.quantile(share) / 1000;
};
const mebi = 1024 * 1024;

const rows = (rate: number): Row[] => [
  { name: 'throughput, msg/s', digits: 0, of: (r) => r.saturation.throughput },
  { name: 'CPU per message, µs', digits: 2, of: (r) => r.saturation.cpuPerMessage },
  { name: 'saturated p50, ms', digits: 2, of: (r) => quantile(r.saturation, 0.5) },
  { name: 'saturated p99, ms', digits: 2, of: (r) => quantile(r.saturation, 0.99) },
  { name: `p50 at ${rate}/s, ms`, digits: 2, of: (r) => quantile(r.fixedRate, 0.5) },
  { name: `p95 at ${rate}/s, ms`, digits: 2, of: (r) => quantile(r.fixedRate, 0.95) },
  { name: `p99 at ${rate}/s, ms`, digits: 2, of: (r) => quantile(r.fixedRate, 0.99) },
  { name: `p99.9 at ${rate}/s, ms`, digits: 2, of: (r) => quantile(r.fixedRate, 0.999) },
  { name: `max at ${rate}/s, ms`, digits: 2, of: (r) => r.fixedRate.endToEndLatency.max / 1000 },
  { name: `rate kept of ${rate}/s`, digits: 0, of: (r) => r.fixedRate.throughput },
  { name: 'memory, peak, MiB', digits: 0, of: (r) => r.peakBytes / mebi },
  { name: 'memory, started, MiB', digits: 0, of: (r) => r.restBytes / mebi },
  {
    name: 'idle connection, KiB',
    digits: 1,
    of: (r) => (r.idlePerConnection === undefined ? undefined : r.idlePerConnection / 1024),
  },
  { name: 'time to ready, ms', digits: 0, of: (r) => r.readyMs },
  { name: 'cores: system', digits: 2, of: (r) => r.saturation.cores.system },
  { name: 'cores: sender', digits: 2, of: (r) => r.saturation.cores.sender },
  { name: 'cores: receiver', digits: 2, of: (r) => r.saturation.cores.receiver },
  { name: 'cores: broker', digits: 2, of: (r) => r.saturation.cores.broker },
  { name: 'cores: all others', digits: 2, of: (r) => r.saturation.cores.other },
  { name: 'acknowledged, lost', digits: 0, of: (r) => r.lost },
  { name: 'refused', digits: 0, of: (r) => r.refused },
  { name: 'twice', digits: 0, of: (r) => r.duplicates },
  { name: 'out of order', digits: 0, of: (r) => r.disordered },
  { name: 'foreign', digits: 0, of: (r) => r.foreign },
];

/** A table of one path: medians with their range, and the first system's ratio to each of the others. */
export function table(systems: readonly Measured[]): string {
  const { workload } = systems[0]!;
  const header = [
    '',
    ...systems.map((s) => s.system),
    ...systems.slice(1).map((s) => `ratio to ${s.system}`),
  ];
  const lines = [header];
  for (const { name, digits, of } of rows(workload.latencyRate)) {
    const spreads = systems.map(({ rounds }) => {
      const values = rounds.map(of).filter((value) => value !== undefined);
      return values.length === 0 ? undefined : spread(values);
    });
    const cells = spreads.map((s) => {
      if (!s) return '-';
      const [median, min, max] = [s.median, s.min, s.max].map((value) => number(value, digits));
      return min === max ? median! : `${median} (${min} to ${max})`;
    });
    if (spreads.every((s) => s === undefined)) continue;
    const own = spreads[0]?.median;
    const ratios = spreads
      .slice(1)
      .map((s) => (own === undefined || !s || s.median === 0 ? '' : ratio(own / s.median)));
    lines.push([name, ...cells, ...ratios]);
  }
  return `${workload.name}: ${workload.description}\n\n${align(lines)}\n`;
}

const number = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });

const ratio = (value: number): string =>
  `${value >= 10 ? value.toFixed(0) : value >= 0.1 ? value.toFixed(2) : value.toPrecision(1)}x`;

/** Markdown that is also readable as it is. */
export function align(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]!.map((_, column) => Math.max(3, ...lines.map((line) => line[column]!.length)));
  const format = (line: readonly string[]): string =>
    `| ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? ` ${'-'.repeat(width)} ` : ` ${'-'.repeat(width - 1)}: `)).join('|')}|`;
  return [format(lines[0]!), rule, ...lines.slice(1).map(format)].join('\n');
}
