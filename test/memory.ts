import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects what nothing refers to. */
export const collect = runInNewContext('gc') as () => void;

/** Bytes of buffers that something still refers to: what the collector has not come to yet is not counted. */
export function heldBuffers(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}
