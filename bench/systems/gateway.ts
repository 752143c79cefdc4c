import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../test/brokers/index.ts';
import { Child } from './child.ts';
import type { Instance, StartOptions, System } from './system.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const main = `${root}dist/main.js`;

const missing = (): string | undefined =>
  existsSync(main) ? undefined : 'dist/main.js is missing; run npm run build';

/** The gateway as it ships: the compiled `junction run` with a configuration of bench/gateway. */
export const gateway: System = {
  name: 'junction',
  dialect: 'junction',
  unavailable: missing,
  start: (options) => startGateway(options, [main, 'run', '--config']),
};

/** The same gateway as it would be with rhea as the AMQP server: see bench/rhea-gateway. */
export const rheaGateway: System = {
  name: 'rhea',
  dialect: 'junction',
  unavailable: ({ from, to }) =>
    from.protocol === 'amqp' || to.protocol === 'amqp' ? missing() : 'no AMQP is in this path',
  start: (options) => startGateway(options, ['--import', 'tsx', 'bench/rhea-gateway/main.ts']),
};

async function startGateway(
  { workload, kafkaPort, profileFolder }: StartOptions,
  command: readonly string[],
): Promise<Instance> {
  const [mqtt, amqp, stomp, admin] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const profile = profileFolder ? ['--cpu-prof', '--cpu-prof-dir', profileFolder] : [];
  const started = performance.now();
  const child = new Child(
    'the gateway',
    [process.execPath, ...profile, ...command, `bench/gateway/${workload.name}.yaml`],
    {
      cwd: root,
      env: {
        NODE_ENV: 'production',
        BENCH_MQTT_PORT: String(mqtt),
        BENCH_AMQP_PORT: String(amqp),
        BENCH_STOMP_PORT: String(stomp),
        BENCH_ADMIN_PORT: String(admin),
        BENCH_KAFKA_PORT: String(kafkaPort ?? ''),
      },
    },
  );
  const readyMs = await child.until(() => isReady(admin), started);
  return {
    pid: child.pid,
    ports: { mqtt, amqp, stomp },
    readyMs,
    stop: async () => {
      await child.stop();
      if (child.output.includes('"level":')) process.stderr.write(`the gateway logged:\n${child.output}\n`);
    },
  };
}

async function isReady(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
