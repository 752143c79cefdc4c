/**
 * Moments at which a fault harness lets this process die (test/faults). `…ing` is before the step, the others after.
 * Armed by `JUNCTION_CRASH_POINT=name[:nth[:later]]`: the nth passing of the point ends the process with SIGKILL, at
 * once, or `later`, when what follows in the same turn of the event loop has been written, such as the sender's
 * acknowledgement.
 */
const points = [
  /** A transaction of the store, with its sync. */
  'committing',
  'committed',
  /** A message of a spool is on the disk, and its sender is about to be told. */
  'spooled',
  /** A message is given to a target; it was given, and may be on the line; the target has confirmed it. */
  'sending',
  'sent',
  'confirmed',
  /** A delivered message leaves its spool. */
  'removing',
  'removed',
  /** A dead letter is put where it is kept. */
  'burying',
  'buried',
  /** The gateway is up; it was told to end, and has drained. */
  'opened',
  'draining',
  'drained',
] as const;

export type CrashPoint = (typeof points)[number];

/**
 * To be called as `crashPoint?.('sent')`. Undefined in any process that is not to crash, so that a point in the path of
 * every message costs the look at a constant.
 */
export const crashPoint = armed(process.env['JUNCTION_CRASH_POINT']);

function armed(setting: string | undefined): ((point: CrashPoint) => void) | undefined {
  if (setting === undefined || setting === '') return undefined;
  const [name, nth = '1', when] = setting.split(':');
  if (!points.some((point) => point === name))
    throw new Error(`JUNCTION_CRASH_POINT=${setting}: there is no such point; ${points.join(', ')}`);
  let left = Number(nth);
  const die = (): void => void process.kill(process.pid, 'SIGKILL');
  return (point) => {
    if (point !== name || --left !== 0) return;
    if (when === 'later') setImmediate(() => setImmediate(die));
    else die();
  };
}
