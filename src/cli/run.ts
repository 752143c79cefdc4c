import { AdminServer } from '../admin/server.ts';
import { loadConfiguration } from '../config/load.ts';
import { formatPlace } from '../config/problems.ts';
import { crashPoint } from '../core/crash-point.ts';
import { JunctionError } from '../core/errors.ts';
import { Gateway } from '../gateway.ts';
import { protocols } from '../protocols/index.ts';
import { banner } from './banner.ts';
import { createLogger } from './logger.ts';

export interface RunOptions {
  /** The configuration file. */
  readonly config: string;
}

/** How long, in ms, what was taken may take to settle after SIGTERM. */
const drainDeadline = 10_000;

/**
 * `junction run`: opens the gateway and keeps it until a signal. SIGTERM or SIGINT drains and ends with 0, a second
 * one ends at once.
 * @throws ConfigError for a faulty configuration; JunctionError where a listener cannot listen
 */
export async function run(options: RunOptions): Promise<void> {
  const configuration = await loadConfiguration(options.config, { env: process.env, protocols });
  const log = createLogger(configuration.log);
  for (const warning of configuration.warnings) log.warn({ place: formatPlace(warning) }, warning.message);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.on(event, (error: unknown) => {
      // State is unknown from here on: an end and a restart lose nothing that was acknowledged.
      log.fatal({ err: error }, `${event}: the process ends`);
      process.exit(1);
    });

  const gateway = new Gateway(configuration, log, (endpoint) => log.child({ endpoint }));
  const admin = new AdminServer(gateway);
  const stopping = stopOnSignal(async (signal) => {
    log.info({ signal }, 'draining');
    crashPoint?.('draining');
    const settled = await gateway.drain(drainDeadline);
    if (!settled)
      log.warn(
        { deadline: drainDeadline },
        'not everything was settled in time; its senders will send it again',
      );
    crashPoint?.('drained');
    await gateway.close();
    await admin.close();
    log.info('stopped');
  });
  try {
    await gateway.open();
    crashPoint?.('opened');
    const port = await admin.open(configuration.admin);
    process.stdout.write(banner(configuration, gateway.status(), { ...configuration.admin, port }));
  } catch (error) {
    await gateway.close();
    await admin.close();
    throw JunctionError.from(error);
  }
  await stopping;
}

/** Resolves when the first signal's work is done; a second signal ends the process at once. */
function stopOnSignal(stop: (signal: string) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const onSignal = (signal: string): void => {
      if (stopping) process.exit(130);
      stopping = true;
      stop(signal).then(resolve, reject);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
