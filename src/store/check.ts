import { fork } from 'node:child_process';
import { extname } from 'node:path';

/**
 * Reads a whole store in a process of its own, since a damaged one may end the process that reads it.
 * @returns what is wrong with it, or undefined where all of it can be read
 */
export function checkInChild(folder: string): Promise<string | undefined> {
  const script = new URL(`./check-child${extname(import.meta.url)}`, import.meta.url);
  return new Promise((done) => {
    let problem: string | undefined;
    const child = fork(script, [folder], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.on('message', (told: string) => (problem = told));
    child.once('error', (error) => done(`it could not be checked: ${error.message}`));
    child.once('exit', (code, signal) => {
      if (signal) done(`reading it ends the process with ${signal}`);
      else done(code === 0 ? undefined : (problem ?? `reading it ends the process with code ${code}`));
    });
  });
}
