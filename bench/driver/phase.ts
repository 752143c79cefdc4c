import { setTimeout as pause } from 'node:timers/promises';
import type { HistogramData } from '../load/histogram.ts';
import type { ReceiverSnapshot, SenderSnapshot } from '../load/messages.ts';
import { cpuMicros, machineMicros } from '../systems/process-stat.ts';
import type { Worker } from './worker.ts';

/** What one phase of a round showed. Rates are messages a second, one value for each second of the phase. */
export interface Phase {
  /** Messages of the phase. */
  readonly messages: number;
  /** All of them over the time from the first send until the last has arrived: what the system sustains. */
  readonly throughput: number;
  readonly publishRate: readonly number[];
  readonly publishErrorRate: readonly number[];
  readonly consumeRate: readonly number[];
  /** Messages sent but not yet received, at the end of each second. */
  readonly backlog: readonly number[];
  readonly publishLatency: HistogramData;
  readonly endToEndLatency: HistogramData;
  /** CPU of the system under test for each message, from the first send until the last has arrived, µs. */
  readonly cpuPerMessage: number;
  /** Cores in use. */
  readonly cores: {
    readonly system: number;
    readonly sender: number;
    readonly receiver: number;
    /** The broker that the path ends in, where it does. */
    readonly broker: number | undefined;
    /** All other processes of the machine: they compete with what is measured. */
    readonly other: number;
  };
}

export interface Load {
  /** Of the system under test. */
  readonly pid: number;
  /** Of the broker that the path ends in. */
  readonly brokerPid: number | undefined;
  readonly sender: Worker<SenderSnapshot>;
  readonly receiver: Worker<ReceiverSnapshot>;
}

/**
 * Sends for `seconds`, measures, and waits until all that was sent has arrived.
 * @param rate messages a second, each at its intended time; 0: as fast as the window allows
 */
export async function runPhase(load: Load, rate: number, seconds: number): Promise<Phase> {
  const { sender, receiver, pid, brokerPid } = load;
  await Promise.all([sender.tell({ kind: 'reset' }), receiver.tell({ kind: 'reset' })]);
  const pids = [pid, sender.pid, receiver.pid, ...(brokerPid === undefined ? [] : [brokerPid])];
  const cpu = (): number[] => [machineMicros(), ...pids.map(cpuMicros)];
  const cpuBefore = cpu();
  const marks = [await mark(load)];
  await sender.tell({ kind: 'go', rate });
  for (let left = seconds; left > 0; left -= 1) {
    await pause(Math.min(1, left) * 1000);
    marks.push(await mark(load));
  }
  const cpuDuring = cpu().map((after, i) => after - cpuBefore[i]!);
  await sender.tell({ kind: 'hold' });
  await drain(load);
  const end = await mark(load);
  const first = marks[0]!;
  const messages = end.got.received - first.got.received;
  const during = marks.at(-1)!.sent.at - first.sent.at;
  const rates = (at: (m: Mark) => number, of: (m: Mark) => number): number[] =>
    marks.slice(1).map((m, i) => (1e6 * (of(m) - of(marks[i]!))) / (at(m) - at(marks[i]!)));
  const sentAt = (m: Mark): number => m.sent.at;
  return {
    messages,
    throughput: (1e6 * messages) / (end.got.at - first.got.at),
    publishRate: rates(sentAt, (m) => m.sent.acknowledged),
    publishErrorRate: rates(sentAt, (m) => m.sent.refused),
    consumeRate: rates(
      (m) => m.got.at,
      (m) => m.got.received,
    ),
    backlog: marks.slice(1).map((m) => Math.max(0, m.sent.sent - m.got.received)),
    publishLatency: end.sent.latency,
    endToEndLatency: end.got.latency,
    cpuPerMessage: (cpuMicros(pid) - cpuBefore[1]!) / Math.max(1, messages),
    cores: coresOf(cpuDuring.map((micros) => micros / during)),
  };
}

function coresOf([all, ...ours]: readonly number[]): Phase['cores'] {
  const [system, sender, receiver, broker] = ours;
  const other = Math.max(
    0,
    ours.reduce((rest, one) => rest - one, all!),
  );
  return { system: system!, sender: sender!, receiver: receiver!, broker, other };
}

interface Mark {
  readonly sent: SenderSnapshot;
  readonly got: ReceiverSnapshot;
}

async function mark({ sender, receiver }: Load): Promise<Mark> {
  const [sent, got] = await Promise.all([sender.snapshot(), receiver.snapshot()]);
  return { sent, got };
}

/** Waits until everything sent is acknowledged and received; what is missing after 10 s without progress is lost. */
async function drain({ sender, receiver }: Load): Promise<void> {
  let before = -1;
  let deadline = 0;
  for (;;) {
    const { sent, acknowledged, refused } = await sender.snapshot();
    const { received } = await receiver.snapshot();
    if (acknowledged + refused === sent && received >= acknowledged) return;
    if (acknowledged + received !== before) deadline = performance.now() + 10_000;
    else if (performance.now() > deadline) return;
    before = acknowledged + received;
    await pause(10);
  }
}
