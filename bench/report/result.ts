import type { Phase } from '../driver/phase.ts';
import type { Round } from '../driver/round.ts';
import { Histogram, type HistogramData } from '../load/histogram.ts';
import type { Workload } from '../workload.ts';
import { spread } from './statistics.ts';

/** Every round that one system ran of one workload. */
export interface Measured {
  readonly workload: Workload;
  readonly system: string;
  readonly rounds: readonly Round[];
}

const percentiles = {
  '50pct': 0.5,
  '75pct': 0.75,
  '95pct': 0.95,
  '99pct': 0.99,
  '999pct': 0.999,
  '9999pct': 0.9999,
};

/** `aggregated<kind>Avg`, `…50pct` to `…9999pct` and `…Max`, in ms, over all rounds. */
function latencies(kind: string, all: readonly HistogramData[]): Record<string, number> {
  const sum = new Histogram();
  for (const data of all) sum.add(data);
  const result: Record<string, number> = { [`aggregated${kind}Avg`]: sum.mean / 1000 };
  for (const [name, share] of Object.entries(percentiles))
    result[`aggregated${kind}${name}`] = sum.quantile(share) / 1000;
  result[`aggregated${kind}Max`] = sum.max / 1000;
  return result;
}

/**
 * One phase of all rounds in the shape of an OpenMessaging Benchmark result: rates are messages a second for each
 * second measured, latencies are ms. What that format has no name for is below `junction`.
 */
function phaseResult(
  { workload, system, rounds }: Measured,
  rate: number,
  of: (round: Round) => Phase,
): object {
  const phases = rounds.map(of);
  return {
    workload: rate === 0 ? `${workload.name}, saturated` : `${workload.name}, ${rate} msg/s`,
    driver: system,
    messageSize: workload.messageSize,
    topics: workload.producers,
    partitions: 1,
    producersPerTopic: 1,
    consumersPerTopic: workload.consumers,
    publishRate: phases.flatMap((phase) => phase.publishRate),
    publishErrorRate: phases.flatMap((phase) => phase.publishErrorRate),
    consumeRate: phases.flatMap((phase) => phase.consumeRate),
    backlog: phases.flatMap((phase) => phase.backlog),
    ...latencies(
      'PublishLatency',
      phases.map((phase) => phase.publishLatency),
    ),
    ...latencies(
      'EndToEndLatency',
      phases.map((phase) => phase.endToEndLatency),
    ),
    junction: {
      throughput: spread(phases.map((phase) => phase.throughput)),
      cpuMicrosPerMessage: spread(phases.map((phase) => phase.cpuPerMessage)),
      cores: phases.map((phase) => phase.cores),
    },
  };
}

/** Both phases, and what the rounds showed beside. */
export function resultOf(measured: Measured): object {
  const { workload, system, rounds } = measured;
  return {
    path: workload.name,
    system,
    saturated: phaseResult(measured, 0, (round) => round.saturation),
    fixedRate: phaseResult(measured, workload.latencyRate, (round) => round.fixedRate),
    rounds: rounds.map((round) => ({ ...round, saturation: undefined, fixedRate: undefined })),
  };
}
