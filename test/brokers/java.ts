import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = fileURLToPath(new URL('../../.cache/', import.meta.url));

/** The brokers that are jars of Maven Central, each with `<name>-pom.xml` beside this file. */
export const javaBrokers = ['kafka', 'artemis', 'activemq', 'rocketmq'] as const;
export type JavaBroker = (typeof javaBrokers)[number];

/** Flags of a small machine that starts quickly and shares two cores with others. */
export const javaFlags = (heap: string): string[] => [
  `-Xmx${heap}`,
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Xshare:auto',
];

/** A broker's class path, resolved by Maven once and kept in `.cache/`. */
export async function classPath(broker: JavaBroker | 'rocketmq-client'): Promise<string> {
  const pom = fileURLToPath(new URL(`${broker}-pom.xml`, import.meta.url));
  const hash = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex');
  const file = `${cache}${broker}-${hash.slice(0, 12)}.classpath`;
  if (existsSync(file)) {
    const known = await readFile(file, 'utf8');
    if (known.split(':').every((jar) => existsSync(jar))) return known;
  }
  await mkdir(cache, { recursive: true });
  const fresh = `${file}.${process.pid}`;
  await run('mvn', [
    '-q',
    '-f',
    pom,
    'dependency:build-classpath',
    `-Dmdep.outputFile=${fresh}`,
    '-Dmdep.includeScope=runtime',
  ]);
  const resolved = (await readFile(fresh, 'utf8')).trim();
  await writeFile(fresh, resolved);
  await rename(fresh, file); // at once, whoever else resolves it at this moment
  return resolved;
}

/** Log4j's settings of all of them: warnings to the console. */
export const log4j = `
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`;
