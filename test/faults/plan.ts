import { randomFrom } from '../store/random.ts';
import type { Path } from './path.ts';

const lineFaults = ['cut', 'half-open', 'delay', 'throttle'] as const;
export type LineFault = (typeof lineFaults)[number];

/** What goes wrong, and when: `at` counts acknowledged messages, `for` is in ms. */
export type Fault =
  | { readonly kind: 'kill'; readonly at: number }
  /** Dies at the nth passing of a crash point of the gateway, or of a sync of its store. */
  | { readonly kind: 'crash'; readonly at: number; readonly point: string }
  | { readonly kind: 'sync'; readonly at: number; readonly point: string }
  /** Killed, and what was written since the last sync is gone; `keep` is the share of it that the disk has all the same. */
  | { readonly kind: 'power loss'; readonly at: number; readonly keep: number }
  | { readonly kind: 'restart'; readonly at: number }
  | { readonly kind: 'gateway stands still'; readonly at: number; readonly for: number }
  | { readonly kind: 'disk full'; readonly at: number; readonly kill: boolean }
  | { readonly kind: 'clock'; readonly at: number; readonly by: number }
  | {
      readonly kind: 'broker stands still';
      readonly at: number;
      readonly which: number;
      readonly for: number;
    }
  | {
      readonly kind: 'broker ends';
      readonly at: number;
      readonly which: number;
      readonly signal: NodeJS.Signals;
      readonly for: number;
    }
  | {
      readonly kind: 'line';
      readonly at: number;
      readonly side: 'client' | 'broker';
      readonly fault: LineFault;
      readonly for: number;
    };

export interface Plan {
  readonly seed: number;
  readonly keys: number;
  /** Messages of each key. */
  readonly count: number;
  readonly clients: number;
  readonly window: number;
  readonly size: number;
  readonly pace: number;
  readonly targets: number;
  /** Of each key every so-manieth message is one that the target refuses for good; 0: none. */
  readonly poison: number;
  /** `retry`, `dead_letter` and `spool` of the route, as a route file has them. */
  readonly route: Readonly<Record<string, unknown>>;
  /** Whether dead letters are sent again when all is well. */
  readonly replay: boolean;
  readonly faults: readonly Fault[];
}

/** All there is to a run but the speed of the machine. @param long a minute rather than seconds of standing still */
export function planOf(seed: number, path: Path, long = false): Plan {
  const random = randomFrom(seed);
  for (let i = 0; i < 8; i++) random();
  const chance = (p: number): boolean => random() < p;
  const whole = (from: number, to: number): number => from + Math.floor(random() * (to - from + 1));
  const oneOf = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;

  const spooled = chance(0.5);
  const keys = whole(2, 12);
  const messages = whole(150, 900);
  const route: Record<string, unknown> = {};
  const bounded = chance(0.35);
  route['retry'] = bounded
    ? { attempts: whole(2, 4), backoff: { from: '30ms', to: '200ms' } }
    : oneOf([undefined, { backoff: { from: '20ms', to: '500ms' } }, { backoff: { from: '50ms', to: '2s' } }]);
  if (bounded || chance(0.3)) route['dead_letter'] = 'store';
  if (spooled)
    route['spool'] = chance(0.3) ? { max_messages: whole(20, 300), full: oneOf(['block', 'reject']) } : true;
  const base = {
    seed,
    keys,
    count: Math.ceil(messages / keys),
    clients: Math.min(keys, whole(1, 3)),
    window: path.pipelined ? oneOf([1, 4, 16]) : 1,
    size: oneOf([40, 200, 2000]),
    pace: oneOf([0, 0, 1, 2]),
    targets: chance(0.3) ? 2 : 1,
    route,
    replay: chance(0.5),
  };

  const total = base.keys * base.count;
  const buries = spooled || route['dead_letter'] !== undefined || path.source === 'broker';
  const poison = path.poison && buries && chance(0.4) ? whole(20, 60) : 0;
  const fault = (): Fault => {
    const at = Math.floor(total * (0.05 + 0.8 * random()));
    const stillness = long ? 60_000 : whole(300, 3000);
    const kinds: readonly (readonly [number, () => Fault])[] = [
      [3, () => ({ kind: 'kill', at })],
      [5, () => ({ kind: 'crash', at, point: crashPoint() })],
      [spooled ? 2 : 0, () => ({ kind: 'sync', at, point: `${oneOf(syncPoints)}:${whole(3, 40)}` })],
      [spooled ? 3 : 0, () => ({ kind: 'power loss', at, keep: oneOf([0, 0.5]) })],
      [2, () => ({ kind: 'restart', at })],
      [1, () => ({ kind: 'gateway stands still', at, for: stillness })],
      [spooled ? 2 : 0, () => ({ kind: 'disk full', at, kill: chance(0.5) })],
      [2, () => ({ kind: 'clock', at, by: chance(0.5) ? 3_600_000 : -3_600_000 })],
      [2, () => ({ kind: 'broker stands still', at, which: whole(0, 1), for: stillness })],
      [
        2,
        () => ({
          kind: 'broker ends',
          at,
          signal: oneOf(path.ends),
          which: whole(0, 1),
          for: whole(0, 1000),
        }),
      ],
      [
        5,
        () => ({
          kind: 'line',
          at,
          side: chance(0.5) ? 'client' : 'broker',
          fault: oneOf(lineFaults),
          for: whole(300, 2500),
        }),
      ],
    ];
    let left = random() * kinds.reduce((sum, [weight]) => sum + weight, 0);
    return kinds.find(([weight]) => (left -= weight) < 0)![1]();
  };
  const crashPoint = (): string => {
    const point = oneOf([
      ...['sending', 'sent', 'confirmed', 'opened'],
      ...(spooled
        ? ['committing', 'committed', 'spooled', 'removing', 'removed', 'spooled', 'committed']
        : []),
      ...(bounded || poison > 0 ? ['burying', 'buried'] : []),
    ]);
    const most = point.startsWith('bur') ? 5 : point.startsWith('commit') ? 60 : Math.ceil(total / 2);
    const nth = point === 'opened' ? 1 : whole(1, most);
    return `${point}:${nth}${chance(0.4) ? ':later' : ''}`;
  };
  const faults = Array.from({ length: whole(1, 3) }, fault);
  return { ...base, poison, faults: faults.sort((a, b) => a.at - b.at) };
}

const syncPoints = ['sync-before', 'sync-after', 'meta-before', 'meta-after'] as const;
