import { loadConfiguration } from '../config/load.ts';
import { formatProblems } from '../config/problems.ts';
import { protocols } from '../protocols/index.ts';
import { lossesText } from './losses-text.ts';

export interface CheckOptions {
  readonly config: string;
  /** Route files to check in place of those the configuration names. */
  readonly routes?: readonly string[];
  /** Also prints what messages may lose on each route, allowed or not. */
  readonly losses?: boolean;
}

/**
 * `junction check`: validates everything and opens nothing.
 * @throws ConfigError with every mistake found
 */
export async function check(options: CheckOptions): Promise<void> {
  const configuration = await loadConfiguration(options.config, {
    env: process.env,
    protocols,
    ...(options.routes && options.routes.length > 0 ? { routesOverride: options.routes } : {}),
  });
  if (configuration.warnings.length > 0) process.stderr.write(`${formatProblems(configuration.warnings)}\n`);
  if (options.losses) process.stdout.write(lossesText(configuration));
  const files = configuration.files.length;
  const back = configuration.routes.filter(({ answers }) => answers !== undefined).length;
  const written = configuration.routes.length - back;
  process.stdout.write(
    `ok: ${counted(configuration.endpoints.size, 'endpoint')}, ${counted(written, 'route')} in ${counted(files, 'file')}${back === 0 ? '' : `, ${back} for answers`}\n`,
  );
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
