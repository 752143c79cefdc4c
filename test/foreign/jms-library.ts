import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './tools.ts';

const here = join(import.meta.dirname, 'jms');
const library = join(import.meta.dirname, '../../.cache/foreign/jms');

/** Java's class path of Qpid JMS, which is fetched from Maven Central, once. */
export async function jmsClassPath(): Promise<string> {
  const client = join(library, 'done-2.10.0');
  if (!existsSync(client) || statSync(client).mtimeMs < statSync(join(here, 'pom.xml')).mtimeMs) {
    await run('mvn', ['-B', '-q', 'dependency:copy-dependencies', `-DoutputDirectory=${library}`], here);
    await run('touch', [client]);
  }
  return join(library, '*');
}
