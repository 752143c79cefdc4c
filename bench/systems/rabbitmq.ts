import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../test/brokers/index.ts';
import { accepts, Child } from './child.ts';
import type { System } from './system.ts';

const server = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/**
 * RabbitMQ with its MQTT, STOMP and AMQP 1.0 plugins, as packaged by Debian: a node, ports, data and an epmd of its
 * own, all on loopback. Its prefetch for MQTT subscribers is raised from 10 so that it does not limit the path.
 */
export const rabbitmq: System = {
  name: 'rabbitmq',
  dialect: 'rabbitmq',
  unavailable(workload) {
    if (workload.to.address['rabbitmq'] === undefined) return 'it does not have this path';
    return existsSync(server) ? undefined : `${server} is not installed`;
  },
  async start() {
    const folder = await mkdtemp(join(tmpdir(), 'junction-bench-rabbitmq-'));
    const [mqtt, amqp, stomp, dist, epmd] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    await writeFile(join(folder, 'enabled_plugins'), '[rabbitmq_mqtt,rabbitmq_stomp,rabbitmq_amqp1_0].\n');
    await writeFile(
      join(folder, 'rabbitmq.conf'),
      [
        `listeners.tcp.default = 127.0.0.1:${amqp}`,
        `mqtt.listeners.tcp.default = 127.0.0.1:${mqtt}`,
        'mqtt.prefetch = 1000',
        `stomp.listeners.tcp.default = 127.0.0.1:${stomp}`,
        'log.file.level = warning',
        '',
      ].join('\n'),
    );
    const portMapper = new Child('epmd', ['epmd', '-port', String(epmd), '-address', '127.0.0.1']);
    await portMapper.until(() => accepts(epmd), performance.now());
    const started = performance.now();
    const child = new Child('RabbitMQ', [server], {
      env: {
        HOME: folder,
        // makes the script become the Erlang machine rather than its parent
        RUNNING_UNDER_SYSTEMD: 'true',
        ERL_EPMD_PORT: String(epmd),
        RABBITMQ_NODENAME: 'junction-bench@localhost',
        RABBITMQ_DIST_PORT: String(dist),
        RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
        RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
        RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
        RABBITMQ_MNESIA_BASE: join(folder, 'data'),
        RABBITMQ_LOG_BASE: join(folder, 'log'),
        RABBITMQ_PID_FILE: join(folder, 'pid'),
      },
    });
    const ports = { mqtt, amqp, stomp };
    const readyMs = await child.until(
      async () => (await Promise.all(Object.values(ports).map(accepts))).every(Boolean),
      started,
      120,
    );
    return {
      pid: child.pid,
      ports,
      readyMs,
      async stop() {
        await child.stop(30);
        await portMapper.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};
