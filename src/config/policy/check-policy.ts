import { parsePattern } from '../../core/address.ts';
import { setOfAddress, type AddressSet } from '../../core/address-set.ts';
import type { ResolvedRoute } from '../../routing/route/route.ts';
import type { ReadRouteFile } from '../check-routes.ts';
import type { CheckedEndpoints } from '../endpoints.ts';
import { formatPlace, type Place, type Problems } from '../problems.ts';
import type { RoutePlaces } from '../route-places.ts';
import { child, type Tree } from '../tree.ts';
import { quoted } from '../words.ts';
import { canonical, readBy, sentTo, type Use } from '../address-sets.ts';
import { checkEmpty, checkFolders, foldersOf } from './folders.ts';
import { Grants, type Grant } from './grants.ts';
import { isNamed } from './names.ts';
import type { PolicySettings } from './schema.ts';

/** What routes are measured by. */
export interface PolicyInput {
  readonly settings: PolicySettings;
  /** The section as it is written. */
  readonly tree: Tree;
  readonly files: readonly ReadRouteFile[];
  readonly routes: readonly ResolvedRoute[];
  readonly endpoints: CheckedEndpoints;
  readonly places: RoutePlaces;
  /** Whether `files` are all there are. */
  readonly complete: boolean;
}

/** Reports what routes do that the policy does not allow their owners. */
export function checkPolicy(input: PolicyInput, problems: Problems): void {
  const { settings, tree, files, routes, endpoints, places, complete } = input;
  const rules = child(tree, 'rules');
  const folders = foldersOf(settings.rules, rules, tree.at.file);
  if (complete) checkEmpty(folders, files, problems);
  const ownerless = checkFolders(folders, files, problems);
  const policy = new Policy(settings, new Grants(settings.rules, rules, endpoints, problems), tree.at);
  for (const route of routes) {
    if (route.owner !== undefined || settings.default === 'allow') {
      for (const access of policy.accessesOf(route, places)) policy.check(route.owner, access, problems);
      continue;
    }
    // Without an owner nothing is allowed: the first thing that the file's routes do says it for all.
    if (ownerless.has(route.file)) continue;
    const before = problems.count;
    for (const access of policy.accessesOf(route, places)) {
      policy.check(undefined, access, problems);
      if (problems.count === before) continue;
      ownerless.add(route.file);
      break;
    }
  }
}

/** One thing that a route does. */
interface Access {
  readonly use: Use;
  readonly endpoint: string;
  readonly text: string;
  readonly set: AddressSet;
  readonly at: Place;
  /** What it does there with answers to requests. */
  readonly answers?: string;
}

class Policy {
  readonly #fallback: PolicySettings['default'];
  readonly #grants: Grants;
  readonly #at: Place;

  constructor(settings: PolicySettings, grants: Grants, at: Place) {
    this.#fallback = settings.default;
    this.#grants = grants;
    this.#at = at;
  }

  /** What a route reads and where it sends to, as far as the endpoints are known. */
  accessesOf(route: ResolvedRoute, places: RoutePlaces): Access[] {
    const { from, to, deadLetter } = route;
    const accesses: Access[] = [];
    const source = this.#grants.syntaxOf(from.endpoint);
    if (source)
      accesses.push({
        use: 'read',
        endpoint: from.endpoint,
        text: from.pattern.text,
        set: readBy(from.pattern, source),
        at: route.answers ? places.replyAddress(route) : places.source(route),
        ...(route.answers && { answers: 'where answers are read (reply.address)' }),
      });
    // Where answers go to, the route says that they answer.
    for (const target of route.answers ? [] : to) {
      const { endpoint, template, reply } = target;
      const syntax = this.#grants.syntaxOf(endpoint);
      if (!syntax) continue;
      const set = sentTo(template, from.pattern, syntax);
      const at = places.target(route, target);
      accesses.push({ use: 'write', endpoint, text: template.text, set, at });
      for (const allowed of source && reply ? reply.allowed.patterns : []) {
        const answered = readBy(parsePattern(allowed, source!, false), source!);
        accesses.push({
          use: 'write',
          endpoint: from.endpoint,
          text: allowed,
          set: answered,
          at: places.allowedReply(route, allowed),
          answers: 'where answers may go (reply.allow)',
        });
      }
    }
    const letters = typeof deadLetter === 'object' ? deadLetter : undefined;
    const syntax = letters && this.#grants.syntaxOf(letters.endpoint);
    if (syntax) {
      const { endpoint, address } = letters;
      const set = setOfAddress(canonical(address, 'write', syntax), syntax);
      accesses.push({ use: 'write', endpoint, text: address, set, at: places.deadLetter(route) });
    }
    return accesses;
  }

  check(owner: string | undefined, access: Access, problems: Problems): void {
    const { use, endpoint, text, set, at, answers } = access;
    const grants = this.#grants.at(use, endpoint);
    const isOwn = ({ owners }: Grant): boolean => owner !== undefined && isNamed(owner, owners);
    const own = grants.filter(isOwn);
    const example = this.#grants.beyond(use, endpoint, set, own);
    if (example === undefined) return;
    const others = this.#grants.touching(use, endpoint, set, grants.filter((grant) => !isOwn(grant)));
    if (this.#fallback === 'allow' && others.size === 0) return;
    const doing = use === 'read' ? 'read from' : 'send to';
    const who = owner === undefined ? 'a route without owner' : quoted(owner);
    const which = own.length > 0 && example !== text ? `, such as ${quoted(example)}` : '';
    problems.error(
      at,
      `policy does not let ${who} ${doing} ${quoted(text)} of ${quoted(endpoint)}${which}${answers === undefined ? '' : `, ${answers}`}`,
      this.#hint(owner, use, own, others),
    );
  }

  #hint(owner: string | undefined, use: Use, own: readonly Grant[], others: ReadonlySet<Grant>): string {
    const allowed = own.flatMap(({ text }) => text ?? []).map(quoted);
    const owners = [...new Set([...others].flatMap((grant) => grant.owners))].map(quoted);
    const mend =
      owner === undefined
        ? 'write "owner: …" in the route file'
        : allowed.length > 0
          ? `allowed there: ${allowed.join(', ')}`
          : owners.length > 0
            ? `it is for ${owners.join(', ')}`
            : `its owner needs a rule that lets it ${use} there`;
    return `${mend}; the policy is at ${formatPlace(this.#at)}`;
  }
}
