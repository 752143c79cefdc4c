import { lossNames, type LossName } from '../core/losses.ts';
import { lossesOf, lossesOfLetters, type Loss } from '../routing/route/losses.ts';
import type { DeadLetterTarget, RouteTarget } from '../routing/route/route.ts';
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

/** A loss, and whether it may happen. */
export interface DeclaredLoss extends Loss {
  /** An `allow_loss` names it. */
  readonly accepted: boolean;
}

/** What messages of a route may lose. */
export interface RouteLosses {
  /** At each of its targets, in their order. */
  readonly targets: readonly (readonly DeclaredLoss[])[];
  /** As dead letters at an endpoint. */
  readonly letters: readonly DeclaredLoss[];
}

/** Where dead letters go as it is written, in a route or for all of a file, and what may be lost there. */
export class LettersPlace {
  readonly node: Tree | undefined;
  readonly allowance: Allowance;
  /** Whether any route sends them there. */
  #used = false;

  constructor(node: Tree | undefined) {
    this.node = node;
    this.allowance = new Allowance(child(node, 'allow_loss'), 'by dead letters here');
  }

  use(): void {
    this.#used = true;
  }

  /** To be called when no further route is to come. */
  report(problems: Problems): void {
    if (this.#used) this.allowance.report(problems);
  }
}

/** A route as it is written, and what is known about it. */
export interface CheckedRoute {
  readonly route: Tree;
  readonly source: EndpointDefinition | undefined;
  /** Each target as it is written, and as it is understood; undefined where it is faulty. */
  readonly targets: readonly { readonly node: Tree; readonly to: RouteTarget | undefined }[];
  readonly deadLetter: DeadLetterTarget | undefined;
  readonly lettersPlace: LettersPlace;
  /** What the defaults of the file allow. */
  readonly defaults: Allowance;
}

/** Tells, in a line for each target and for dead letters, what messages lose there that nobody has allowed them to. */
export function checkLosses(
  { route, source, targets, deadLetter, lettersPlace, defaults }: CheckedRoute,
  endpoints: CheckedEndpoints | undefined,
  problems: Problems,
): RouteLosses {
  const own = new Allowance(child(route, 'allow_loss'), 'at a target of this route');
  const unknown = (...all: Allowance[]): readonly DeclaredLoss[] => {
    for (const each of all) each.unknown();
    return [];
  };
  const atTargets = targets.map(({ node, to }) => {
    const target = to && endpoints?.definitions.get(to.endpoint);
    if (source === undefined || to === undefined || target === undefined) return unknown(own, defaults);
    const here = new Allowance(child(node, 'allow_loss'), 'at this target');
    const losses = declared(lossesOf(traitsIn(source), traitsIn(target), to), [here, own, defaults]);
    tell(losses, `on the way to ${described(target)}`, node.at, problems);
    here.report(problems);
    return losses;
  });
  let letters: readonly DeclaredLoss[] = [];
  if (typeof deadLetter === 'object') {
    lettersPlace.use();
    const { node, allowance } = lettersPlace;
    const target = endpoints?.definitions.get(deadLetter.endpoint);
    if (source === undefined || target === undefined) unknown(allowance, own, defaults);
    else {
      letters = declared(lossesOfLetters(traitsIn(source), traitsIn(target)), [allowance, own, defaults]);
      tell(letters, `of dead letters at ${described(target)}`, node?.at ?? route.at, problems);
    }
  }
  own.report(problems);
  return { targets: atTargets, letters };
}

const declared = (losses: readonly Loss[], allowances: readonly Allowance[]): readonly DeclaredLoss[] =>
  losses.map((each) => ({
    ...each,
    // each of them is asked, so that each knows what is lost
    accepted: allowances.map((allowance) => allowance.allows(each.name)).includes(true),
  }));

const described = ({ name, protocol }: EndpointDefinition): string => `${quoted(name)} (${protocol.name})`;

/** @param where in words */
function tell(losses: readonly DeclaredLoss[], where: string, at: Place, problems: Problems): void {
  const told = losses.filter(({ severity, accepted }) => severity !== 'note' && !accepted);
  if (told.length === 0) return;
  const message = `${where} this is lost: ${listed(told.map(({ what }) => what))}`;
  const hints = told.flatMap(({ hint }) => hint ?? []);
  const allow = `write "allow_loss: [${told.map((each) => each.name).join(', ')}]" where that is meant`;
  const hint = [...hints, allow].join(', or ');
  if (told.some(({ severity }) => severity === 'error')) problems.error(at, message, hint);
  else problems.warning(at, message, hint);
}

/** Words as a sentence lists them. */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`;
