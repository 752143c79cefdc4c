import type { Options } from './options.ts';
import { measure, workloadOf } from './path.ts';
import { proveKafka } from './prove-kafka.ts';
import { doublesAt, expected, losesAt } from './relay/faults.ts';
import { resultOf } from './report/result.ts';
import { table } from './report/table.ts';
import { faultyRelay, relay } from './systems/relay.ts';
import type { Workload } from './workload.ts';

/**
 * Shows what the load processes can do: the same workloads over a relay that does nothing but pass bodies on. A
 * system under test is measured fairly as long as it stays well below. For AMQP also with rhea as the consumer.
 */
export async function prove(options: Options): Promise<object[]> {
  const results: object[] = [];
  for (const path of options.paths) {
    const workload = { ...workloadOf(path, options), idleConnections: 0 };
    if (workload.to.protocol === 'kafka') {
      results.push(await proveKafka(workload));
      continue;
    }
    const measured = await measure(workload, [relay], {});
    if (workload.to.protocol === 'amqp')
      measured.push(
        ...(await measure(workload, [relay], { rhea: true })).map((m) => ({ ...m, system: 'relay to rhea' })),
      );
    process.stdout.write(`${table(measured)}\n`);
    results.push(...measured.map(resultOf), await proveCounting(workload));
  }
  return results;
}

/** A relay that loses and doubles known numbers of messages: the benchmark must find exactly those. */
async function proveCounting(workload: Workload): Promise<object> {
  const short = { ...workload, rounds: 1, warmupSeconds: 1, testSeconds: 1 };
  const [measured] = await measure(short, [faultyRelay], {});
  const { sent, lost, duplicates } = measured!.rounds[0]!;
  const wanted = { lost: expected(sent, losesAt), duplicates: expected(sent, doublesAt) };
  const right = lost === wanted.lost && duplicates === wanted.duplicates;
  process.stdout.write(
    `${workload.name}: of ${sent} messages the faulty relay lost ${wanted.lost} and doubled ${wanted.duplicates}; counted ${lost} and ${duplicates}: ${right ? 'right' : 'WRONG'}\n\n`,
  );
  if (!right) process.exitCode = 1;
  return { path: workload.name, system: faultyRelay.name, sent, wanted, counted: { lost, duplicates } };
}
