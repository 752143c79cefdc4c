import { plain } from '../core/plain-text.ts';
import type { TestResult } from './run-tests.ts';

const failed = ({ problems }: TestResult): boolean => problems.length > 0;

/** For people: a line for each test, the problems of those that fail below it, and a sum. */
export function textReport(results: readonly TestResult[]): string {
  const lines = results.flatMap((result) => [
    `${failed(result) ? '✗' : '✓'} ${plain(result.test.name)}`,
    ...(failed(result)
      ? [`    ${result.file}:${result.line}`, ...result.problems.map((problem) => `    ${problem}`)]
      : []),
  ]);
  const wrong = results.filter(failed).length;
  lines.push(`${results.length - wrong} passed, ${wrong} failed`);
  return lines.join('\n');
}

/** TAP version 13 (testanything.org). */
export function tapReport(results: readonly TestResult[]): string {
  const lines = ['TAP version 13', `1..${results.length}`];
  results.forEach((result, index) => {
    // `#` begins a directive in TAP
    const name = plain(result.test.name).replace(/[\\#]/g, '\\$&');
    lines.push(`${failed(result) ? 'not ok' : 'ok'} ${index + 1} - ${name}`);
    if (!failed(result)) return;
    lines.push('  ---', `  at: ${JSON.stringify(`${result.file}:${result.line}`)}`, '  problems:');
    lines.push(...result.problems.map((problem) => `    - ${JSON.stringify(problem)}`), '  ...');
  });
  return lines.join('\n');
}

/** JUnit's XML, as CI systems read it: a suite for each file. */
export function junitReport(results: readonly TestResult[]): string {
  const files = new Map<string, TestResult[]>();
  for (const result of results) {
    const known = files.get(result.file);
    if (known) known.push(result);
    else files.set(result.file, [result]);
  }
  const count = (all: readonly TestResult[]): string =>
    `tests="${all.length}" failures="${all.filter(failed).length}" errors="0" time="${seconds(sum(all))}"`;
  const lines = ['<?xml version="1.0" encoding="UTF-8"?>', `<testsuites name="junction" ${count(results)}>`];
  for (const [file, all] of files) {
    lines.push(`  <testsuite name="${xml(file)}" ${count(all)}>`);
    for (const result of all) {
      const head = `    <testcase name="${xml(result.test.name)}" classname="${xml(file)}" file="${xml(file)}" line="${result.line}" time="${seconds(result.ms)}"`;
      if (!failed(result)) lines.push(`${head}/>`);
      else
        lines.push(
          `${head}>`,
          `      <failure message="${xml(result.problems[0]!)}">${xml(result.problems.join('\n'))}</failure>`,
          '    </testcase>',
        );
    }
    lines.push('  </testsuite>');
  }
  lines.push('</testsuites>');
  return lines.join('\n');
}

const sum = (all: readonly TestResult[]): number => all.reduce((total, { ms }) => total + ms, 0);
const seconds = (ms: number): string => (ms / 1000).toFixed(3);

const entities: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
]);
/** What XML 1.0 cannot hold is shown as an escape. */
const xml = (text: string): string =>
  text
    .replace(
      /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
    )
    .replace(/[&<>"]/g, (char) => entities.get(char)!);
