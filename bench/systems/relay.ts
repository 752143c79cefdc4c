import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import type { PortName, System } from './system.ts';

const file = fileURLToPath(new URL('../relay/relay.ts', import.meta.url));

/** The bare relay: shows what the load processes themselves can do (`--prove`). */
export const relay = makeRelay('relay');
/** One that loses and doubles messages, to show that the benchmark counts them. */
export const faultyRelay = makeRelay('faulty relay', 'faulty');

function makeRelay(name: string, ...flags: string[]): System {
  return {
    name,
    dialect: 'relay',
    unavailable: ({ to }) => (to.address['relay'] === undefined ? 'it does not have this path' : undefined),
    async start({ workload: { from, to } }) {
      const started = performance.now();
      const command = ['--import', 'tsx', file, from.protocol, to.protocol, ...flags];
      const child = new Child('the relay', [process.execPath, ...command]);
      const readyMs = await child.until(() => Promise.resolve(child.output.includes('\n')), started);
      const opened = JSON.parse(child.output) as Partial<Record<PortName, number>>;
      const ports = { mqtt: 0, stomp: 0, amqp: 0, ...opened };
      return { pid: child.pid, ports, readyMs, stop: () => child.stop() };
    },
  };
}
