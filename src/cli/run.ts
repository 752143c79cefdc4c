import type { Logger } from 'pino';
import { AdminServer } from '../admin/server.ts';
import { Inputs } from '../config/inputs.ts';
import { loadConfiguration, type Configuration } from '../config/load.ts';
import { formatPlace } from '../config/problems.ts';
import { ConfigurationWatch } from '../config/watch.ts';
import { JunctionError } from '../core/errors.ts';
import { Gateway } from '../gateway.ts';
import { Reloader } from '../gateway/reloader.ts';
import { protocols } from '../protocols/index.ts';
import { banner } from './banner.ts';
import { createLogger } from './logger.ts';
import { stopOnSignal } from './signals.ts';

export interface RunOptions {
  /** The configuration file. */
  readonly config: string;
}

/**
 * `junction run`: opens the gateway and keeps it until a signal. SIGTERM or SIGINT drains and ends with 0, a second
 * one ends at once. SIGHUP, a changed file and `POST /reload` read the configuration again.
 * @throws ConfigError for a faulty configuration; JunctionError where a listener cannot listen
 */
export async function run(options: RunOptions): Promise<void> {
  const load = (inputs: Inputs): Promise<Configuration> =>
    loadConfiguration(options.config, { env: process.env, protocols, inputs });
  const inputs = new Inputs();
  const configuration = await load(inputs);
  const log = createLogger(configuration.log);
  for (const warning of configuration.warnings) log.warn({ place: formatPlace(warning) }, warning.message);
  endOnDefect(log);

  const logs = new Map<string, Logger>();
  const gateway = new Gateway(configuration, log, (endpoint) => {
    const child = logs.get(endpoint) ?? log.child({ endpoint });
    logs.set(endpoint, child);
    return child;
  });
  const watch = new ConfigurationWatch(
    inputs,
    configuration.reload.every,
    () => void reloader.reload('a file has changed'),
  );
  const reloader = new Reloader(configuration, {
    load,
    async apply(next) {
      const changes = await gateway.reload(next);
      for (const each of [log, ...logs.values()]) each.level = next.log.level;
      return changes;
    },
    onRead: (read) => watch.follow(read),
    log,
  });
  const admin = new AdminServer(gateway, reloader);
  const stopping = stopOnSignal(async (signal) => {
    log.info({ signal }, 'draining');
    const watched = watch.stop();
    const settled = await gateway.drain();
    if (!settled) log.warn('not everything was settled in time; its senders will send it again');
    await gateway.close();
    await Promise.all([admin.close(), watched]);
    log.info('stopped');
  });
  try {
    await gateway.open();
    const port = await admin.open(configuration.admin);
    process.stdout.write(banner(configuration, gateway.status(), { ...configuration.admin, port }));
  } catch (error) {
    await gateway.close();
    await admin.close();
    throw JunctionError.from(error);
  }
  process.on('SIGHUP', () => void reloader.reload('SIGHUP'));
  if (configuration.reload.watch) watch.start();
  await stopping;
}

/** State is unknown after a defect: an end and a restart lose nothing that was acknowledged. */
function endOnDefect(log: Logger): void {
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      log.fatal({ err: error }, `${event}: the process ends`);
      process.exit(1);
    });
}
