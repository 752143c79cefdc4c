import { execFile } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Broker } from '../brokers/index.ts';
import type { Admin } from './admin.ts';
import type { Disk } from './disk.ts';
import type { GatewayProcess } from './gateway-process.ts';
import type { Fault } from './plan.ts';
import type { FaultProxy } from './proxy.ts';

const run = promisify(execFile);

/** What faults are done to. */
export interface Victims {
  readonly gateway: GatewayProcess;
  readonly admin: Admin;
  readonly disk: Disk;
  readonly brokers: readonly Broker[];
  readonly lines: Readonly<Record<'client' | 'broker', FaultProxy>>;
  /** One at a time for each victim: what is down is not stopped. */
  readonly alone: (
    victim: 'gateway' | 'broker' | 'client line' | 'broker line',
    work: () => Promise<void>,
  ) => Promise<void>;
  /** What is to be done before the gateway is started again. */
  beforeNextStart(work: () => Promise<unknown>): void;
  readonly random: () => number;
  readonly note: (what: string) => void;
}

/** Does one thing, and undoes it in the end. */
export async function inflict(fault: Fault, victims: Victims): Promise<void> {
  const { gateway, brokers, lines, disk, alone, note } = victims;
  switch (fault.kind) {
    case 'kill':
      return gateway.signal('SIGKILL');
    case 'crash':
    case 'sync':
      return; // armed when the gateway starts
    case 'power loss':
      victims.beforeNextStart(async () =>
        note(`${await disk.losePower(fault.keep, victims.random)} pages were not synced`),
      );
      return gateway.signal('SIGKILL');
    case 'restart':
      return gateway.signal('SIGTERM');
    case 'gateway stands still':
      return alone('gateway', async () => {
        gateway.signal('SIGSTOP');
        await pause(fault.for);
        gateway.signal('SIGCONT');
      });
    case 'clock':
      return gateway.setClock(fault.by);
    case 'disk full':
      return alone('gateway', () => fillDisk(fault.kill, victims));
    case 'broker stands still':
      return alone('broker', async () => {
        const broker = brokers[fault.which % brokers.length]!;
        broker.signal('SIGSTOP');
        await pause(fault.for);
        broker.signal('SIGCONT');
      });
    case 'broker ends':
      return alone('broker', async () => {
        const broker = brokers[fault.which % brokers.length]!;
        await broker.kill(fault.signal);
        await pause(fault.for);
        await broker.start();
      });
    case 'line': {
      const line = lines[fault.side];
      if (fault.fault === 'cut') return line.cut();
      return alone(`${fault.side} line`, async () => {
        line.set(fault.fault === 'half-open' ? 'swallow' : (fault.fault as 'delay' | 'throttle'));
        await pause(fault.for);
        line.set('pass');
      });
    }
  }

  /** The store's file may not grow; the gateway says so and waits; then there is room, and it is restarted. */
  async function fillDisk(kill: boolean, { gateway, disk, admin, note }: Victims): Promise<void> {
    const { pid } = gateway;
    if (pid === undefined || !gateway.up) return note('the gateway was not up to fill its disk');
    const limit = (size: number | 'unlimited') =>
      run('prlimit', ['--pid', String(pid), `--fsize=${size}:unlimited`]);
    try {
      await limit(await disk.size());
      const end = performance.now() + 4000;
      let failing = false;
      while (!failing && performance.now() < end && gateway.pid === pid) {
        failing = (await admin.status())?.store === 'failing';
        await pause(20);
      }
      note(failing ? 'the store has said that its disk is full' : 'the store had room enough');
      await limit('unlimited');
    } catch {
      return note('the gateway ended while its disk was full');
    }
    if (gateway.pid === pid) gateway.signal(kill ? 'SIGKILL' : 'SIGTERM');
  }
}
