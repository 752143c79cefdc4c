import { constants } from 'node:os';

/** Resolves when the first signal's work is done; a second signal ends the process at once, with 128 and its number. */
export function stopOnSignal(stop: (signal: string) => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
      if (stopping) process.exit(128 + constants.signals[signal]);
      stopping = true;
      stop(signal).then(resolve, reject);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
