import { arch, availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** Where and with what a run was made. Other work on the machine shows in the load before the run. */
export function machine(): string {
  const gibibytes = Math.round(totalmem() / 1024 ** 3);
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  return [
    `${availableParallelism()} x ${model} (${arch()}), ${gibibytes} GiB, Linux ${release()}, Node ${process.version}`,
    `load ${loadavg()[0]!.toFixed(2)} before the run`,
  ].join('; ');
}
