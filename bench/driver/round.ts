import { setTimeout as pause } from 'node:timers/promises';
import type { ReceiverSpec, SenderSpec } from '../load/messages.ts';
import { memory } from '../systems/process-stat.ts';
import type { Instance, System } from '../systems/system.ts';
import type { Workload } from '../workload.ts';
import { runPhase, type Phase } from './phase.ts';
import { Worker } from './worker.ts';

/** What one round of one system showed. */
export interface Round {
  readonly readyMs: number;
  /** Bytes; undefined where the workload does not ask. */
  readonly idlePerConnection: number | undefined;
  readonly restBytes: number;
  readonly peakBytes: number;
  readonly saturation: Phase;
  readonly fixedRate: Phase;
  /** Of everything sent in the round, warm-up included. */
  readonly sent: number;
  readonly acknowledged: number;
  readonly refused: number;
  readonly received: number;
  readonly duplicates: number;
  readonly disordered: number;
  readonly foreign: number;
  /** Acknowledged but not received. */
  readonly lost: number;
}

export interface RoundOptions {
  readonly workload: Workload;
  readonly system: System;
  /** Where the path ends in Kafka. */
  readonly kafka: { readonly port: number; readonly pid: number } | undefined;
  readonly profileFolder: string | undefined;
  /** Take the receiver built on rhea in place of the raw one. */
  readonly rhea: boolean;
  /** Different for every round. */
  readonly run: number;
}

/** Starts the system, loads it, measures, and ends it. */
export async function runRound(options: RoundOptions): Promise<Round> {
  const { workload, system, kafka, profileFolder } = options;
  const instance = await system.start({ workload, kafkaPort: kafka?.port, profileFolder });
  const open: { stop(): Promise<void> }[] = [];
  try {
    const restBytes = memory(instance.pid).now;
    const senderSpec = senderOf(options, instance);
    const idlePerConnection = await idleMemory(workload, senderSpec, instance);
    const receiver = await Worker.receiver(receiverOf(options, instance));
    open.push(receiver);
    const sender = await Worker.sender(senderSpec);
    open.push(sender);
    const load = { pid: instance.pid, brokerPid: kafka?.pid, sender, receiver };
    await runPhase(load, 0, workload.warmupSeconds);
    const saturation = await runPhase(load, 0, workload.testSeconds);
    await runPhase(load, workload.latencyRate, 1);
    const fixedRate = await runPhase(load, workload.latencyRate, workload.testSeconds);
    const sent = await sender.snapshot();
    const got = await receiver.snapshot();
    return {
      readyMs: instance.readyMs,
      idlePerConnection,
      restBytes,
      peakBytes: memory(instance.pid).peak,
      saturation,
      fixedRate,
      sent: sent.sent,
      acknowledged: sent.acknowledged,
      refused: sent.refused,
      received: got.received,
      duplicates: got.duplicates,
      disordered: got.disordered,
      foreign: got.foreign,
      lost: Math.max(0, sent.acknowledged - got.received),
    };
  } finally {
    // The sender first, so that the receiver still takes what is on its way.
    for (const worker of open.reverse()) await worker.stop();
    await instance.stop();
  }
}

function senderOf({ workload, run }: RoundOptions, instance: Instance): SenderSpec {
  const { protocol, qos, address } = workload.from;
  return {
    protocol,
    port: instance.ports[protocol],
    connections: workload.producers,
    address: address.replaceAll('{run}', String(run)),
    qos,
    window: workload.window,
    messageSize: workload.messageSize,
    run,
  };
}

function receiverOf({ workload, system, kafka, rhea, run }: RoundOptions, instance: Instance): ReceiverSpec {
  const { protocol, qos, credit, address } = workload.to;
  return {
    protocol: rhea && protocol === 'amqp' ? 'rhea' : protocol,
    port: protocol === 'kafka' ? kafka!.port : instance.ports[protocol],
    connections: workload.consumers,
    address: address[system.dialect]!.replaceAll('{run}', String(run)),
    qos,
    credit,
    messageSize: workload.messageSize,
    run,
  };
}

/** What a thousand connections more cost, once the first hundred have made the system load what it needs. */
async function idleMemory(
  workload: Workload,
  spec: SenderSpec,
  { pid }: Instance,
): Promise<number | undefined> {
  if (workload.idleConnections === 0) return undefined;
  const first = await Worker.sender({ ...spec, connections: 100 });
  await pause(500);
  const before = memory(pid).now;
  const idle = await Worker.sender({ ...spec, connections: workload.idleConnections });
  await pause(500);
  const after = memory(pid).now;
  await idle.stop();
  await first.stop();
  await pause(500);
  return Math.max(0, after - before) / workload.idleConnections;
}
