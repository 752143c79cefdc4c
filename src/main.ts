#!/usr/bin/env node
import { Command } from 'commander';
import { ConfigError, formatProblems } from './config/problems.ts';
import { JunctionError } from './core/errors.ts';

/** Exit codes: 1 for what went wrong while running, 2 for a faulty configuration or command line. */
const exitCode = { failed: 1, faulty: 2 } as const;

const program = new Command('junction')
  .description('Interoperability bridge and protocol gateway for messaging')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'junction: ')) })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : exitCode.faulty));

const configOption = [
  '-c, --config <file>',
  'the configuration file',
  process.env['JUNCTION_CONFIG'] ?? 'config/junction.yaml',
] as const;

program
  .command('run', { isDefault: true })
  .description('run the gateway until SIGTERM or SIGINT')
  .option(...configOption)
  .action(async (options: { config: string }) => {
    const { run } = await import('./cli/run.ts');
    await run(options);
  });

program
  .command('check')
  .description('check the configuration and its routes, and say every mistake with its place')
  .option(...configOption)
  .option('-r, --routes <files...>', 'check these route files in place of those the configuration names')
  .action(async (options: { config: string; routes?: string[] }) => {
    const { check } = await import('./cli/check.ts');
    await check(options);
  });

try {
  await program.parseAsync();
  process.exit(0);
} catch (error) {
  if (error instanceof ConfigError) {
    process.stderr.write(`${formatProblems(error.problems)}\n`);
    process.exit(exitCode.faulty);
  }
  process.stderr.write(
    `junction: ${error instanceof JunctionError ? error.message : String((error as Error)?.stack ?? error)}\n`,
  );
  process.exit(exitCode.failed);
}
