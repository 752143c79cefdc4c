import type { AddressSyntax, Captures } from '../../core/address.ts';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import { identityOf } from '../../core/identity.ts';
import { renderTemplate } from '../../core/template.ts';
import { renderValue } from '../../core/value-template.ts';
import type { Step } from '../route/compiled.ts';
import { edited } from '../route/edits.ts';
import { alternativesOf, type Alternatives } from '../targets/group.ts';
import type { Requests } from './requests.ts';
import { placeOf, type ResolvedRoute, type RouteTarget } from '../route/route.ts';
import type { Target } from '../targets/target.ts';

/** A target to which no message of an address, or not this message, can be carried, and why. */
export interface RefusedTarget {
  readonly route: string;
  /** undefined: the route as a whole, since it cannot tell what is for which target. */
  readonly to: RouteTarget | undefined;
  readonly error: JunctionError;
}

/** What becomes of messages on behalf of some routes. */
export interface Part {
  readonly targets: readonly Alternatives[];
  readonly refused: readonly RefusedTarget[];
  /** Why they cannot be carried to a target of a route without dead letters; then no target gets anything. */
  readonly refusal: JunctionError | undefined;
}

/** What one route does with messages. */
export interface Passed extends Part {
  readonly route: ResolvedRoute;
  /** What tells messages apart where the route has deduplication. */
  readonly valueOf: (message: Envelope) => string | undefined;
}

/** One route at one address that it reads. */
export class Passage {
  readonly #route: ResolvedRoute;
  readonly #captures: Captures;
  readonly #syntaxOf: (endpoint: string) => AddressSyntax;
  readonly #requests: Requests | undefined;
  readonly #now: () => number;
  /** What holds for every message of the address; undefined where it depends on more than the address. */
  readonly fixed: Passed | undefined;

  constructor(
    route: ResolvedRoute,
    captures: Captures,
    syntaxOf: (endpoint: string) => AddressSyntax,
    requests: Requests | undefined,
    now: () => number,
  ) {
    this.#route = route;
    this.#captures = captures;
    this.#syntaxOf = syntaxOf;
    this.#requests = requests;
    this.#now = now;
    const depends =
      route.when !== undefined ||
      route.from.decode !== undefined ||
      route.answers !== undefined ||
      route.to.some(dependsOnMessage);
    this.fixed = depends ? undefined : this.#through(undefined, route.to);
  }

  /**
   * What becomes of one message; undefined where the route does not want it.
   * @param admitted whether it has come past the route's condition already
   */
  of(message: Envelope, admitted: boolean): Passed | undefined {
    if (this.fixed) return this.fixed;
    const { from, when, answers } = this.#route;
    if (answers) return this.#back(answers, message);
    try {
      const seen = from.decode ? from.decode.apply(message, this.#captures) : message;
      if (!admitted && when && !when.matches(seen)) return undefined;
      return this.#wanted(seen, seen !== message);
    } catch (reason) {
      return this.#asWhole(reason);
    }
  }

  /**
   * What becomes of a message that the route wants; undefined where no target wants it. A target that cannot tell is
   * refused by itself, so that the others get what is theirs. Where no other wants it, it is the route that cannot
   * tell, as in a `switch`, of which all branches after one that cannot tell cannot either.
   */
  #wanted(seen: Envelope, decoded: boolean): Passed | undefined {
    const wanted: RouteTarget[] = [];
    const refused: RefusedTarget[] = [];
    let why: unknown;
    for (const to of this.#route.to) {
      try {
        if (wants(to, seen)) wanted.push(to);
      } catch (reason) {
        why ??= reason;
        refused.push({ route: this.#route.name, to, error: this.#explained(reason) });
      }
    }
    if (wanted.length > 0) return this.#through(seen, wanted, decoded, refused);
    return refused.length === 0 ? undefined : this.#asWhole(why);
  }

  #asWhole(reason: unknown): Passed {
    const refused = { route: this.#route.name, to: undefined, error: this.#explained(reason) };
    return this.#passed([], [refused], undefined);
  }

  /**
   * @param message undefined where nothing depends on it
   * @param decoded whether it is not as it came
   * @param already the targets that are refused in any case
   */
  #through(
    message: Envelope | undefined,
    to: readonly RouteTarget[],
    decoded = false,
    already: readonly RefusedTarget[] = [],
  ): Passed {
    const targets: Target[] = [];
    const refused = [...already];
    for (const each of to) {
      try {
        targets.push(this.#target(each, message, decoded ? message : undefined));
      } catch (reason) {
        refused.push({ route: this.#route.name, to: each, error: this.#explained(reason) });
      }
    }
    return this.#passed(targets, refused, decoded ? message : undefined);
  }

  /** An answer goes to where the one who asked waits for it. */
  #back({ route, strays }: NonNullable<ResolvedRoute['answers']>, message: Envelope): Passed | undefined {
    const { name, from, to } = this.#route;
    try {
      const place = placeOf(from.endpoint, from.pattern.text);
      const answer = this.#requests!.answerTo(route, place, strays, message);
      if (!answer) return undefined;
      const target = { ...answer, route: name, to: to[0]!, decoded: undefined, keyOf: undefined };
      return this.#passed([target], [], undefined);
    } catch (reason) {
      return this.#passed([], [{ route: name, to: to[0]!, error: JunctionError.from(reason) }], undefined);
    }
  }

  #target(to: RouteTarget, message: Envelope | undefined, decoded: Envelope | undefined): Target {
    const { endpoint, template, key } = to;
    const captures = this.#captures;
    return {
      route: this.#route.name,
      to,
      address: renderTemplate(template, captures, this.#syntaxOf(endpoint), message),
      decoded,
      keyOf: key && ((came) => renderValue(key, captures, decoded ?? came)),
      finish: this.#finish(to, decoded),
      settled: undefined,
    };
  }

  #finish({ endpoint, edits, steps, reply }: RouteTarget, decoded: Envelope | undefined): Target['finish'] {
    if (!edits && !steps && !reply) return undefined;
    const captures = this.#captures;
    const { name } = this.#route;
    const requests = this.#requests;
    const now = this.#now;
    return (came, onward) => {
      const made = stepwise(
        steps,
        captures,
        identified(edits ? edited(edits, decoded ?? came, captures, onward, now()) : onward, came),
      );
      if (!reply) return made;
      const ask = (each: Envelope): Envelope => requests!.ask(name, endpoint, reply, came, each);
      return made instanceof Promise ? made.then(ask) : ask(made);
    };
  }

  #passed(
    targets: readonly Target[],
    refused: readonly RefusedTarget[],
    decoded: Envelope | undefined,
  ): Passed {
    const { deadLetter, dedup } = this.#route;
    const missed = refused.filter(({ to }) => !hasAnother(to, targets));
    const isMirror = ({ to }: RefusedTarget): boolean => to?.mirror !== undefined;
    return {
      route: this.#route,
      targets: alternativesOf(targets),
      refused: deadLetter === undefined ? missed.filter(isMirror) : missed,
      refusal: deadLetter === undefined ? missed.find((each) => !isMirror(each))?.error : undefined,
      valueOf: (message) => dedup && renderValue(dedup.by, this.#captures, decoded ?? message),
    };
  }

  #explained(reason: unknown): JunctionError {
    const { message } = JunctionError.from(reason);
    return new JunctionError('invalid-message', `route "${this.#route.name}": ${message}`, { cause: reason });
  }
}

/** With what tells it from all others: its copies for several targets, and for another attempt, are one message. */
const identified = (copy: Envelope, came: Envelope): Envelope =>
  copy.id === undefined && copy.identity === undefined ? { ...copy, identity: identityOf(came) } : copy;

/** At once as long as all steps are. */
function stepwise(
  steps: readonly Step[] | undefined,
  captures: Captures,
  message: Envelope,
): Envelope | Promise<Envelope> {
  let result: Envelope | Promise<Envelope> = message;
  for (const step of steps ?? [])
    result =
      result instanceof Promise
        ? result.then((each: Envelope) => step.apply(each, captures))
        : step.apply(result, captures);
  return result;
}

/** Whether a target is one of a group of which another one is left. */
const hasAnother = (to: RouteTarget | undefined, targets: readonly Target[]): boolean =>
  to?.group !== undefined && targets.some((each) => each.to.group?.number === to.group!.number);

const dependsOnMessage = ({ template, when, mirror }: RouteTarget): boolean =>
  template.perMessage || when !== undefined || (mirror !== undefined && mirror < 1);

function wants({ when, mirror }: RouteTarget, message: Envelope): boolean {
  if (mirror !== undefined && mirror < 1 && fractionOf(identityOf(message)) >= mirror) return false;
  return when === undefined || when.every((each) => each.matches(message));
}

/** A number from 0 to 1 that is the same whenever a message is looked at, evenly spread (FNV-1a). */
function fractionOf(identity: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < identity.length; i++) hash = Math.imul(hash ^ identity.charCodeAt(i), 0x01000193);
  // its last bits are spread best, its first ones hardly for short texts
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 13;
  return (hash >>> 0) / 2 ** 32;
}
