import { lossNames, type LossName } from '../core/losses.ts';
import { lossesOf, type Loss } from '../routing/route/losses.ts';
import type { RouteTarget } from '../routing/route/route.ts';
import { traitsIn, type CheckedEndpoints, type EndpointDefinition } from './endpoints.ts';
import type { Place, Problems } from './problems.ts';
import { child, items, text, type Tree } from './tree.ts';
import { quoted } from './words.ts';

/** One `allow_loss:`: what may be lost, and what of that is. */
export class Allowance {
  readonly #names = new Map<string, Place>();
  readonly #used = new Set<string>();
  readonly #where: string;
  readonly #all: boolean;
  /** Whether what is lost here is known, so that it can be said what is not. */
  #known = true;

  /** @param where what it holds for, e.g. `at this target` */
  constructor(node: Tree | undefined, where: string) {
    this.#where = where;
    this.#all = text(node)?.value === 'all';
    for (const item of items(node)) {
      const name = text(item);
      if (name !== undefined) this.#names.set(String(name.value), name.at);
    }
  }

  allows(name: LossName): boolean {
    this.#used.add(name);
    return this.#all || this.#names.has(name);
  }

  /** Something here is so faulty that nobody knows what is lost. */
  unknown(): void {
    this.#known = false;
  }

  /** Reports what is allowed in vain; to be called when all losses have been asked for. */
  report(problems: Problems): void {
    if (!this.#known) return;
    for (const [name, at] of this.#names)
      if (!this.#used.has(name) && lossNames.includes(name as LossName))
        problems.warning(at, `${quoted(name)} is not lost ${this.#where}`, 'leave it out of "allow_loss"');
  }
}

/** A route as it is written, and what is known about it. */
export interface CheckedRoute {
  readonly route: Tree;
  readonly source: EndpointDefinition | undefined;
  /** Each target as it is written, and as it is understood; undefined where it is faulty. */
  readonly targets: readonly { readonly node: Tree; readonly to: RouteTarget | undefined }[];
  /** What the defaults of the file allow. */
  readonly defaults: Allowance;
}

/** Tells, in a line for each target, what messages lose there that nobody has allowed them to. */
export function checkLosses(
  { route, source, targets, defaults }: CheckedRoute,
  endpoints: CheckedEndpoints | undefined,
  problems: Problems,
): void {
  const own = new Allowance(child(route, 'allow_loss'), 'at a target of this route');
  for (const { node, to } of targets) {
    const target = to && endpoints?.definitions.get(to.endpoint);
    if (source === undefined || to === undefined || target === undefined) {
      own.unknown();
      defaults.unknown();
      continue;
    }
    const here = new Allowance(child(node, 'allow_loss'), 'at this target');
    const allowances = [here, own, defaults];
    const undeclared = lossesOf(traitsIn(source), traitsIn(target), to).filter(
      // each of them is asked, so that each knows what is lost
      ({ name }) => !allowances.map((each) => each.allows(name)).includes(true),
    );
    tell(undeclared, target, node.at, problems);
    here.report(problems);
  }
  own.report(problems);
}

function tell(losses: readonly Loss[], { name, protocol }: EndpointDefinition, at: Place, problems: Problems): void {
  const told = losses.filter(({ severity }) => severity !== 'note');
  if (told.length === 0) return;
  const message = `on the way to ${quoted(name)} (${protocol.name}) this is lost: ${listed(told.map(({ what }) => what))}`;
  const hints = told.flatMap(({ hint }) => hint ?? []);
  const allow = `write "allow_loss: [${told.map((each) => each.name).join(', ')}]" where that is meant`;
  const hint = [...hints, allow].join(', or ');
  if (told.some(({ severity }) => severity === 'error')) problems.error(at, message, hint);
  else problems.warning(at, message, hint);
}

const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`;
