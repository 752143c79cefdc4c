#!/usr/bin/env node
import { Argument, Command } from 'commander';
import type * as Dlq from './cli/dlq.ts';
import type * as Explain from './cli/explain.ts';
import type { ExportOptions } from './cli/export.ts';
import type { GraphOptions } from './cli/graph.ts';
import type * as Reload from './cli/reload.ts';
import type { SchemaName } from './cli/schema.ts';
import type * as Test from './cli/test.ts';
import { ConfigError, formatProblems } from './config/problems.ts';
import { hintOf, nearest, quoted } from './config/words.ts';
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
  .configureOutput({
    outputError: (text, write) =>
      write(
        /too many arguments/.test(text)
          ? 'junction: check takes no files; write -c FILE for a configuration, -r FILE… for route files\n'
          : text.replace(/^error: /, 'junction: '),
      ),
  })
  .option('--losses', 'also print what messages may lose at each target of each route')
  .action(async (options: { config: string; routes?: string[]; losses?: boolean }) => {
    const { check } = await import('./cli/check.ts');
    await check(options);
  });

program
  .command('test [files...]')
  .description(
    'run the tests of routes (*.test.yaml beside them, or these files and all below these folders), without brokers',
  )
  .option(...configOption)
  .option('--tap', 'print TAP')
  .option('--junit <file>', 'also write a report in JUnit’s XML')
  .action(async (files: string[], options: Parameters<typeof Test.test>[1]) => {
    const { test } = await import('./cli/test.ts');
    if (!(await test(files, options))) process.exitCode = exitCode.failed;
  });

program
  .command('explain <endpoint> <address>')
  .description(
    'say which routes read an address and what they do; of a message, what goes out to each target',
  )
  .option(...configOption)
  .option('-m, --message <file>', 'a message in YAML: body, headers, content_type, …')
  .action(async (endpoint: string, address: string, options: Parameters<typeof Explain.explain>[2]) => {
    const { explain } = await import('./cli/explain.ts');
    await explain(endpoint, address, options);
  });

program
  .command('schema')
  .description('print the JSON Schema of the configuration, of route files or of their tests, for editors')
  .addArgument(new Argument('[file]', 'which file').choices(['config', 'routes', 'tests']).default('config'))
  .action(async (name: SchemaName) => {
    const { schema } = await import('./cli/schema.ts');
    await schema(name);
  });

program
  .command('export')
  .description('write what the configuration says in another format')
  .command('asyncapi')
  .description('endpoints, addresses and routes as an AsyncAPI 3.0 document in YAML, without secrets')
  .option(...configOption)
  .option('--json', 'write JSON')
  .option('-o, --output <file>', 'write to this file')
  .option('--title <text>', 'the title of the document', 'Junction')
  .option('--api-version <text>', 'the version of the document', '1.0.0')
  .action(async (options: ExportOptions) => {
    const { exportAsyncApi } = await import('./cli/export.ts');
    await exportAsyncApi(options);
  });

program
  .command('graph')
  .description('draw the routes, by owner, as a flowchart of Mermaid or an SVG')
  .option(...configOption)
  .option('--svg', 'draw an SVG')
  .option('-o, --output <file>', 'write to this file')
  .action(async (options: GraphOptions) => {
    const { graph } = await import('./cli/graph.ts');
    await graph(options);
  });

const adminOption = [
  '--admin <host:port>',
  'the gateway’s admin.listen, in place of the configuration’s',
] as const;
const jsonOption = ['--json', 'print JSON'] as const;

program
  .command('reload')
  .description('have the running gateway read its configuration again')
  .option(...configOption)
  .option(...adminOption)
  .option(...jsonOption)
  .action(async (options: Parameters<typeof Reload.reload>[0]) => {
    const { reload } = await import('./cli/reload.ts');
    await reload(options);
  });

const dlq = program
  .command('dlq')
  .description('list, show, send again and drop the dead letters of the running gateway');

/** The options by which some of the dead letters are meant. */
const withFilter = (command: Command): Command =>
  command
    .option('--route <name>', 'only those of this route')
    .option('--endpoint <name>', 'only those that this endpoint did not take')
    .option('--code <code>', 'only those that failed so, e.g. refused')
    .option('--since <time>', 'only those last tried since: 2026-01-31T12:00Z, or 2h ago')
    .option('--until <time>', 'only those last tried before')
    .option(...configOption)
    .option(...adminOption)
    .option(...jsonOption);

withFilter(dlq.command('list').description('list dead letters, oldest first'))
  .option('--limit <number>', 'at most so many', '50')
  .action(async (options: Parameters<typeof Dlq.list>[0]) => {
    const { list } = await import('./cli/dlq.ts');
    await list(options);
  });

dlq
  .command('show <id>')
  .description('show one dead letter with its message')
  .option(...configOption)
  .option(...adminOption)
  .option(...jsonOption)
  .action(async (id: string, options: Parameters<typeof Dlq.show>[1]) => {
    const { show } = await import('./cli/dlq.ts');
    await show(id, options);
  });

withFilter(
  dlq
    .command('replay [ids...]')
    .description('send messages through their routes again; what is confirmed is removed'),
)
  .option('--all', 'all there are')
  .option('--all-targets', 'to all targets of the route, not only to the one that failed')
  .action(async (ids: string[], options: Parameters<typeof Dlq.replay>[1]) => {
    const { replay } = await import('./cli/dlq.ts');
    await replay(ids, options);
  });

withFilter(dlq.command('drop [ids...]').description('remove dead letters for ever'))
  .option('--all', 'all there are')
  .action(async (ids: string[], options: Parameters<typeof Dlq.drop>[1]) => {
    const { drop } = await import('./cli/dlq.ts');
    await drop(ids, options);
  });

const [first] = process.argv.slice(2);
const known = [...program.commands.map((each) => each.name()), 'help'];
if (first !== undefined && !first.startsWith('-') && !known.includes(first))
  program.error(`error: unknown command ${quoted(first)}; ${hintOf(nearest(first, known), known, 'known')}`);

try {
  await program.parseAsync();
  // What a pipe has not taken yet would be cut off.
  await new Promise((written) => process.stdout.write('', written));
  process.exit();
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
