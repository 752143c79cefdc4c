import type { Command, Reply } from './messages.ts';

/** The load process's side of the talk with the driver; it ends with the driver. */
export function serve(handle: (command: Command) => Reply): void {
  process.on('message', (command) => process.send!(handle(command as Command)));
  process.on('disconnect', () => process.exit(0));
  process.send!({ kind: 'ready' } satisfies Reply);
}

/** What the driver gave as first argument. */
export const specOf = <T>(): T => JSON.parse(process.argv[2]!) as T;

/** A lost connection spoils a measurement: the process ends, and the driver says so. */
export function fail(error: unknown): never {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
