import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKafka } from '../test/brokers/index.ts';
import { runRound, type Round } from './driver/round.ts';
import type { Options } from './options.ts';
import { topFunctions } from './report/profile.ts';
import { resultOf, type Measured } from './report/result.ts';
import { table } from './report/table.ts';
import { gateway, rheaGateway } from './systems/gateway.ts';
import { rabbitmq } from './systems/rabbitmq.ts';
import type { System } from './systems/system.ts';
import { readWorkload, type Workload } from './workload.ts';

const peers: ReadonlyMap<string, System> = new Map(
  [rabbitmq, rheaGateway].map((system) => [system.name, system]),
);

/** The workload with what the flags change. */
export function workloadOf(path: string, { rounds, seconds, rate }: Options): Workload {
  const workload = readWorkload(path);
  return {
    ...workload,
    rounds: rounds ?? workload.rounds,
    testSeconds: seconds ?? workload.testSeconds,
    latencyRate: rate ?? workload.latencyRate,
  };
}

/** Runs one path with the gateway and the peers that have it, alternating, and prints its table. */
export async function measurePath(path: string, options: Options): Promise<object[]> {
  const workload = workloadOf(path, options);
  const systems = [gateway, ...options.peers.map(peerOf)].filter((system) => {
    const why = system.unavailable(workload);
    if (why !== undefined) process.stdout.write(`${workload.name}: without ${system.name}: ${why}\n`);
    return why === undefined;
  });
  if (systems.length === 0) return [];
  const profileFolder = options.profile ? mkdtempSync(join(tmpdir(), `junction-bench-${path}-`)) : undefined;
  const measured = await measure(workload, systems, { profileFolder });
  process.stdout.write(`${table(measured)}\n`);
  if (profileFolder)
    process.stdout.write(
      `the gateway's profile (${profileFolder}):\n\n${topFunctions(profileFolder, 30)}\n\n`,
    );
  return measured.map(resultOf);
}

function peerOf(name: string): System {
  const peer = peers.get(name);
  if (!peer) throw new Error(`unknown peer "${name}"; known: ${[...peers.keys()].join(', ')}`);
  return peer;
}

export interface MeasureOptions {
  readonly profileFolder?: string | undefined;
  readonly rhea?: boolean;
}

/** Each round runs every system once, so that what else the machine does meets all of them. */
export async function measure(
  workload: Workload,
  systems: readonly System[],
  { profileFolder, rhea = false }: MeasureOptions,
): Promise<Measured[]> {
  const rounds = new Map<System, Round[]>(systems.map((system) => [system, []]));
  const kafka = workload.to.protocol === 'kafka' ? await startKafka() : undefined;
  const broker = kafka && { port: kafka.port, pid: kafka.pid! };
  try {
    for (let round = 1; round <= workload.rounds; round++) {
      for (const system of systems) {
        const run = Math.floor(Date.now() / 100) % 2 ** 31;
        const profiled = system === systems[0] ? profileFolder : undefined;
        const result = await runRound({
          workload,
          system,
          kafka: broker,
          profileFolder: profiled,
          rhea,
          run,
        });
        rounds.get(system)!.push(result);
        const rate = Math.round(result.saturation.throughput).toLocaleString('en-US');
        process.stderr.write(`${workload.name} ${system.name} ${round}/${workload.rounds}: ${rate} msg/s\n`);
      }
    }
  } finally {
    await kafka?.stop();
  }
  return systems.map((system) => ({ workload, system: system.name, rounds: rounds.get(system)! }));
}
