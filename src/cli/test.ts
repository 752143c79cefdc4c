import { writeFile } from 'node:fs/promises';
import { loadConfiguration } from '../config/load.ts';
import { protocols } from '../protocols/index.ts';
import { findTests, loadTests, testsIn } from '../trial/load-tests.ts';
import { junitReport, tapReport, textReport } from '../trial/reports.ts';
import { runTest, type TestResult } from '../trial/run-tests.ts';

export interface TestOptions {
  readonly config: string;
  /** Prints TAP in place of text for people. */
  readonly tap?: boolean;
  /** Where a report in JUnit's XML is written. */
  readonly junit?: string;
}

/**
 * `junction test`: runs the tests of routes without brokers.
 * @param files those to run, or folders of them; none: all beside the route files
 * @returns whether all have passed
 * @throws ConfigError with every mistake of the configuration or of test files
 */
export async function test(files: readonly string[], { config, tap, junit }: TestOptions): Promise<boolean> {
  const configuration = await loadConfiguration(config, { env: process.env, protocols });
  const found = files.length > 0 ? await testsIn(files) : await findTests(configuration);
  const tests = await loadTests(found, configuration, process.env);
  const results: TestResult[] = [];
  for (const each of tests) results.push(await runTest(configuration, each));
  if (junit !== undefined) await writeFile(junit, `${junitReport(results)}\n`);
  process.stdout.write(`${tap ? tapReport(results) : textReport(results)}\n`);
  return results.every(({ problems }) => problems.length === 0);
}
