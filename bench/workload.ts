import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

export const workloadFolder = fileURLToPath(new URL('workloads/', import.meta.url));

/**
 * What is measured: a workload in the manner of the OpenMessaging Benchmark (messageSize, producerRate, ...), with the
 * two protocols of a path and the phases of a round beside.
 */
const schema = z.strictObject({
  name: z.string(),
  description: z.string(),
  /** Bytes of a body. */
  messageSize: z.int().min(32),
  /** Publishing connections, all in one process. */
  producers: z.int().min(1),
  /** Unacknowledged messages of one producer. */
  window: z.int().min(1).max(65_535),
  /** Consuming connections, all in one process. */
  consumers: z.int().min(1),
  rounds: z.int().min(1),
  warmupSeconds: z.number().positive(),
  /** How long each of the two measurements takes. */
  testSeconds: z.number().positive(),
  /** Messages a second over all producers in the open-loop phase, below saturation of every system compared. */
  latencyRate: z.number().positive(),
  /** Idle connections over which memory is measured. */
  idleConnections: z.int().min(0),
  from: z.strictObject({
    protocol: z.enum(['mqtt', 'stomp', 'amqp']),
    qos: z.union([z.literal(0), z.literal(1)]).default(1),
    /** `{run}` is the round's number, `{n}` the producer's. */
    address: z.string(),
  }),
  to: z.strictObject({
    protocol: z.enum(['mqtt', 'amqp', 'stomp', 'kafka']),
    qos: z.union([z.literal(0), z.literal(1)]).default(1),
    credit: z.int().min(1).default(2000),
    /** By system, since each has its own names for one thing. */
    address: z.record(z.string(), z.string()),
  }),
});

export type Workload = z.output<typeof schema>;

/** The names of the paths there are. */
export const workloadNames = (): string[] =>
  readdirSync(workloadFolder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => basename(name, '.yaml'))
    .sort();

/** @throws Error for an unknown path or a faulty file */
export function readWorkload(name: string): Workload {
  const known = workloadNames();
  if (!known.includes(name)) throw new Error(`unknown path "${name}"; known: ${known.join(', ')}`);
  return schema.parse(parse(readFileSync(join(workloadFolder, `${name}.yaml`), 'utf8')));
}
