import type { Reloaded } from '../admin/reload.ts';
import { ConfigError, type Problem } from '../config/problems.ts';
import { JunctionError } from '../core/errors.ts';
import { AdminClient, type AdminOptions } from './admin-client.ts';

/**
 * `junction reload`: has the running gateway read its configuration again.
 * @throws ConfigError with its mistakes, where it is faulty; JunctionError where it could not be used
 */
export async function reload(options: AdminOptions & { json?: boolean }): Promise<void> {
  const client = await AdminClient.ofRunning(options);
  const result = await client.ask<Reloaded>('POST', '/reload');
  if (options.json) process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  if (result.state === 'faulty')
    throw new ConfigError(result.problems.map((problem): Problem => ({ ...problem, severity: 'error' })));
  if (result.state !== 'reloaded') throw new JunctionError('unavailable', `not reloaded: ${result.error}`);
  if (!options.json) process.stdout.write(`ok: version ${result.version}\n`);
}
