import { z } from 'zod';

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
export const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1000,
  MB: 1e6,
  GB: 1e9,
};

/** What is wrong with a quantity that nearly is one; undefined where that cannot be told. */
function mistakeIn(text: string, units: Readonly<Record<string, number>>): string | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*/g)];
  const names = Object.keys(units);
  if (parts.length === 0 || parts.map(([all]) => all).join('') !== text) return undefined;
  const unknown = parts.find(([, , unit]) => !names.includes(unit!));
  if (unknown) {
    const [, number, unit] = unknown;
    const likely =
      names.find((name) => name.toLowerCase() === unit!.toLowerCase()) ?? words.get(unit!.toLowerCase());
    const example =
      parts.length === 1 && likely !== undefined && names.includes(likely) ? `: ${number}${likely}` : '';
    return `"${unit}" is not a unit (${names.join(', ')}); write one number and one unit${example}`;
  }
  const last = parts.at(-1)![2]!;
  const total =
    parts.reduce((sum, [, number, unit]) => sum + Number(number) * units[unit!]!, 0) / units[last]!;
  return `"${text}" must be one number and one unit, without blanks: ${total}${last}`;
}

/** Units that people write in other ways. */
const words: ReadonlyMap<string, string> = new Map([
  ...['msec', 'msecs', 'millis', 'millisecond', 'milliseconds'].map((each) => [each, 'ms'] as const),
  ...['sec', 'secs', 'second', 'seconds'].map((each) => [each, 's'] as const),
  ...['min', 'mins', 'minute', 'minutes'].map((each) => [each, 'm'] as const),
  ...['hr', 'hrs', 'hour', 'hours'].map((each) => [each, 'h'] as const),
  ...['day', 'days'].map((each) => [each, 'd'] as const),
  ['k', 'KiB'],
  ['ki', 'KiB'],
  ['m', 'MiB'],
  ['mi', 'MiB'],
  ['g', 'GiB'],
  ['gi', 'GiB'],
]);

/** What editors are told of a value beside its description is in `meta`; `example` becomes one of the JSON Schema. */
const quantity = (units: Readonly<Record<string, number>>, example: string) => {
  const names = Object.keys(units).join(', ');
  const shape = new RegExp(`^(\\d+(?:\\.\\d+)?)(${Object.keys(units).join('|')})$`);
  const quantity = z.union([z.string(), z.number()]).transform((value, context) => {
    const found = shape.exec(String(value).trim());
    if (found) {
      const exact = Number(found[1]) * units[found[2]!]!;
      // 0 often means "without limit", so that nothing else becomes 0
      return exact > 0 ? Math.max(1, Math.round(exact)) : 0;
    }
    context.issues.push({
      code: 'custom',
      input: value,
      message:
        mistakeIn(String(value).trim(), units) ??
        `"${value}" needs a number and a unit (${names}), e.g. ${example}`,
    });
    return z.NEVER;
  });
  return quantity.meta({
    pattern: shape.source,
    patternErrorMessage: `needs a number and a unit (${names}), e.g. ${example}`,
    example,
  });
};

/** A duration with its unit, e.g. `30s`; the result is in milliseconds. */
export const duration = () => quantity(durationUnits, '30s');

/** The longest that a timer of Node can wait, in ms. */
const longestTimer = 2 ** 31 - 1;

/** A duration that a timer waits for: above 0 and at most 24d. */
export const timer = () =>
  duration().refine((ms) => ms >= 1 && ms <= longestTimer, { message: 'must be from 1ms to 24d' });

/** A size with its unit, e.g. `1MiB`; the result is in bytes. */
export const size = () => quantity(sizeUnits, '1MiB');

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

const hostPortShape = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/;

/** `host:port`, `[v6]:port` or `:port` (127.0.0.1); port 0 lets the system choose. */
export const hostPort = () => {
  const parsed = z.string().transform((value, context): HostPort => {
    const found = hostPortShape.exec(value.trim());
    const port = Number(found?.[3]);
    if (found && port <= 65_535) return { host: found[1] ?? (found[2] || '127.0.0.1'), port };
    context.issues.push({
      code: 'custom',
      input: value,
      message: `"${value}" is not an address to listen on; write host:port, e.g. 127.0.0.1:1883`,
    });
    return z.NEVER;
  });
  return parsed.meta({
    pattern: hostPortShape.source,
    patternErrorMessage: 'write host:port, e.g. 127.0.0.1:1883',
    example: '127.0.0.1:1883',
  });
};

/** Settings that every listener has; each protocol adds its own. */
export const listenerSettings = {
  listen: hostPort().describe('Where it listens, host:port.'),
  local: z
    .boolean()
    .default(true)
    .describe('Whether clients of this listener reach each other without a route.'),
  unrouted: z
    .enum(['accept', 'reject'])
    .default('accept')
    .describe('What becomes of a message that no route and no subscriber takes; it is counted either way.'),
  window: z
    .int()
    .min(1)
    .max(65_535)
    .default(512)
    .describe('Unsettled messages of one client before it is made to wait.'),
  max_message: size().prefault('4MiB').describe('The largest message taken from a client.'),
  max_connections: z.int().min(1).default(10_000).describe('Connections at one time; one more is refused.'),
  backlog: z
    .int()
    .min(1)
    .default(10_000)
    .describe('Messages that may wait in a queue or for one subscriber.'),
  grace: duration().prefault('1s').describe('How long publishers to a topic wait for a slow subscriber.'),
};

/** Settings of listeners that have queues. */
export const queueSettings = {
  durable: z
    .boolean()
    .default(false)
    .describe(
      'Whether what waits in queues is stored (in `store.path`), its sender accepted once it is on the disk, and delivered after a restart; AMQP has durable subscriptions then. Without it senders wait for a consumer.',
    ),
  max_stored_messages: z
    .int()
    .min(1)
    .default(10_000_000)
    .describe('With `durable`: messages of all queues on the disk; more are refused for the time being.'),
  max_stored: size()
    .prefault('10GiB')
    .describe('With `durable`: bytes of all queues on the disk; more are refused for the time being.'),
  queue_memory: size()
    .prefault('256MiB')
    .describe('Bytes of unsettled messages in all queues together; more is refused for the time being.'),
};
