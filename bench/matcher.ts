import { parsePattern, type AddressSyntax } from '../src/core/address.ts';
import { PatternIndex } from '../src/core/pattern-index.ts';
import { parseTemplate } from '../src/core/template.ts';
import type { ResolvedRoute } from '../src/routing/route/route.ts';
import { RoutingTable } from '../src/routing/plan/table.ts';
import { spread, type Spread } from './report/statistics.ts';
import { align } from './report/table.ts';

const syntax: AddressSyntax = { separators: '/', one: ['+'], rest: ['#'], maxBytes: 65_535, hidden: '$' };
const sizes = [10, 1_000, 10_000];
/** Lookups of one round, each of another address of those that some route reads. */
const lookups = 100_000;

/** The n-th route of each kind of table, and an address it reads. */
const kinds: Readonly<Record<string, (n: number) => { from: string; address: string }>> = {
  literal: (n) => ({ from: `plants/p${n}/telemetry`, address: `plants/p${n}/telemetry` }),
  wildcard: (n) => ({ from: `plants/{plant}/line${n}/state`, address: `plants/p${n % 97}/line${n}/state` }),
  mixed: (n) =>
    [
      { from: `plants/p${n}/telemetry`, address: `plants/p${n}/telemetry` },
      { from: `areas/{area}/line${n}/state`, address: `areas/a${n % 97}/line${n}/state` },
      { from: `sites/s${n}/{rest...}`, address: `sites/s${n}/hall/3/door` },
    ][n % 3]!,
};

export interface MatcherResult {
  readonly kind: string;
  readonly routes: number;
  /** ns for each lookup by the index alone, of ten addresses in turn whatever the number of routes. */
  readonly few: Spread;
  /** The same of every route's address in turn: with many routes the processor's caches no longer hold them. */
  readonly match: Spread;
  /** ns for each plan of an address never seen before: match, captures, target addresses. */
  readonly planFresh: Spread;
  /** ns for each plan of an address seen before, as nearly all are in a running gateway. */
  readonly planKnown: Spread;
}

/** Measures the routing table's lookup by the number of routes. */
export function measureMatcher(rounds: number): MatcherResult[] {
  const cases = Object.entries(kinds).flatMap(([kind, make]) =>
    sizes.map((routes) => prepare(kind, make, routes)),
  );
  for (const { round } of cases) round(); // all shapes are seen before anything is measured
  const measured = cases.map(() => ({
    few: [] as number[],
    match: [] as number[],
    fresh: [] as number[],
    known: [] as number[],
  }));
  for (let i = 0; i < rounds; i++)
    cases.forEach(({ round }, index) => {
      const { few, match, fresh, known } = round();
      measured[index]!.few.push(few);
      measured[index]!.match.push(match);
      measured[index]!.fresh.push(fresh);
      measured[index]!.known.push(known);
    });
  return cases.map(({ kind, routes }, index) => ({
    kind,
    routes,
    few: spread(measured[index]!.few),
    match: spread(measured[index]!.match),
    planFresh: spread(measured[index]!.fresh),
    planKnown: spread(measured[index]!.known),
  }));
}

interface Case {
  readonly kind: string;
  readonly routes: number;
  readonly round: () => { few: number; match: number; fresh: number; known: number };
}

function prepare(kind: string, make: (n: number) => { from: string; address: string }, routes: number): Case {
  const all = Array.from({ length: routes }, (_, n) => make(n));
  const index = new PatternIndex<number>(syntax);
  all.forEach(({ from }, n) => index.add(parsePattern(from, syntax), n));
  const resolved = all.map(({ from }, n): ResolvedRoute => {
    const pattern = parsePattern(from, syntax);
    return {
      name: `route-${n}`,
      description: undefined,
      owner: undefined,
      file: 'bench',
      line: n + 1,
      from: { endpoint: 'source', pattern },
      to: [
        {
          endpoint: 'target',
          template: parseTemplate(
            `out/${pattern.captures.includes('plant') ? '{plant}' : n}`,
            pattern.captures,
          ),
        },
      ],
    };
  });
  // Not in the order in which they were added, so that no cache of the processor has an easy time.
  const addresses = all.map(({ address }, n) => all[(n * 7919) % routes]?.address ?? address);
  return {
    kind,
    routes,
    round: () => {
      const few = timed(addresses.slice(0, 10), (address) => index.match(address).length);
      const match = timed(addresses, (address) => index.match(address).length);
      let fresh = 0;
      let table = new RoutingTable(resolved, () => syntax);
      for (let done = 0; done < lookups; done += addresses.length) {
        table = new RoutingTable(resolved, () => syntax); // forgets every plan; not timed
        const part = addresses.slice(0, lookups - done);
        fresh +=
          timed(part, (address) => table.plan('source', address)!.targets.length, part.length) * part.length;
      }
      for (const address of addresses) table.plan('source', address);
      return {
        few,
        match,
        fresh: fresh / lookups,
        known: timed(addresses, (address) => table.plan('source', address)!.targets.length),
      };
    },
  };
}

/** ns for each call. @throws Error where a lookup found nothing: then something else was measured */
function timed(addresses: readonly string[], look: (address: string) => number, times = lookups): number {
  let found = 0;
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) found += look(addresses[i % addresses.length]!);
  const nanos = Number(process.hrtime.bigint() - start);
  if (found < times) throw new Error(`${times - found} of ${times} lookups found nothing`);
  return nanos / times;
}

export function matcherTable(results: readonly MatcherResult[]): string {
  const cell = ({ median, min, max }: Spread): string =>
    `${median.toFixed(0)} (${min.toFixed(0)} to ${max.toFixed(0)})`;
  return align([
    [
      'ns per lookup',
      'routes',
      'index, 10 addresses',
      'index, all addresses',
      'plan, new address',
      'plan, known address',
    ],
    ...results.map((r) => [
      r.kind,
      r.routes.toLocaleString('en-US'),
      cell(r.few),
      cell(r.match),
      cell(r.planFresh),
      cell(r.planKnown),
    ]),
  ]);
}
