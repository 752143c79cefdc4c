import { fileURLToPath } from 'node:url';
import { Child } from './child.ts';
import type { PortName, System } from './system.ts';

const file = fileURLToPath(new URL('../relay/relay.ts', import.meta.url));

/** The bare relay: shows what the load processes themselves can do (`--prove`). */
export const relay: System = {
  name: 'relay',
  unavailable: ({ to }) => (to.address['relay'] === undefined ? 'it does not have this path' : undefined),
  async start({ workload }) {
    const started = performance.now();
    const child = new Child('the relay', [
      process.execPath,
      '--import',
      'tsx',
      file,
      workload.from.protocol,
      workload.to.protocol,
    ]);
    const readyMs = await child.until(() => Promise.resolve(child.output.includes('\n')), started);
    const ports = {
      mqtt: 0,
      stomp: 0,
      amqp: 0,
      ...(JSON.parse(child.output) as Partial<Record<PortName, number>>),
    };
    return { pid: child.pid, ports, readyMs, stop: () => child.stop() };
  },
};
