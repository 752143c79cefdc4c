import type { ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import type { ReadRouteFile } from './check-routes.ts';
import { leavesOf } from './leaves.ts';
import type { Place } from './problems.ts';
import { child, items, text, type Tree } from './tree.ts';

interface Written {
  readonly file: Tree;
  readonly route: Tree;
}

/** Where the parts of routes are written. */
export class RoutePlaces {
  readonly #routes = new Map<string, Written>();

  constructor(files: readonly ReadRouteFile[]) {
    for (const { tree } of files)
      for (const route of items(child(tree, 'routes'))) {
        const name = text(child(route, 'name'));
        // of two with one name the second is a mistake of its own
        if (name !== undefined && !this.#routes.has(String(name.value)))
          this.#routes.set(String(name.value), { file: tree, route });
      }
  }

  /** The route's own owner, or else its file's, or else the route. */
  owner(route: ResolvedRoute): Place {
    const { file, route: node } = this.#of(route) ?? {};
    return (child(node, 'owner') ?? child(file, 'owner') ?? node)?.at ?? this.#start(route);
  }

  source(route: ResolvedRoute): Place {
    const from = child(this.#of(route)?.route, 'from');
    return (child(from, 'address') ?? from)?.at ?? this.#start(route);
  }

  target(route: ResolvedRoute, { endpoint, template }: RouteTarget): Place {
    const written = this.#of(route)?.route;
    const leaf = (written ? leavesOf(written) : []).find(
      ({ node }) => holds(node, 'endpoint', endpoint) && holds(node, 'address', template.text),
    );
    return child(leaf?.node, 'address')?.at ?? this.#start(route);
  }

  /**
   * Where a route says where answers are sent, for the way back of another one.
   * @param route that brings answers back
   */
  replyAddress(route: ResolvedRoute): Place {
    const written = this.#routes.get(route.answers!.route)?.route;
    const shared = child(child(written, 'reply'), 'address');
    const own = (written ? leavesOf(written) : [])
      .filter(({ node }) => holds(node, 'endpoint', route.from.endpoint))
      .map(({ node }) => child(child(node, 'reply'), 'address') ?? shared)
      .toSorted((a, b) => Number(isText(b, route.from.pattern.text)) - Number(isText(a, route.from.pattern.text)));
    return (own[0] ?? shared)?.at ?? this.#start(route);
  }

  /** Where it says that answers may go to a pattern. */
  allowedReply(route: ResolvedRoute, pattern: string): Place {
    const allow = child(child(this.#of(route)?.route, 'reply'), 'allow');
    return (items(allow).find((each) => isText(each, pattern)) ?? allow)?.at ?? this.#start(route);
  }

  /** Where it says where its dead letters go, itself or its file. */
  deadLetter(route: ResolvedRoute): Place {
    const { file, route: node } = this.#of(route) ?? {};
    const letters = child(node, 'dead_letter') ?? child(child(file, 'defaults'), 'dead_letter');
    return (child(letters, 'address') ?? letters)?.at ?? this.#start(route);
  }

  #of(route: ResolvedRoute): Written | undefined {
    return this.#routes.get(route.name);
  }

  #start({ file, line }: ResolvedRoute): Place {
    return { file, line, column: 1 };
  }
}

const isText = (node: Tree | undefined, value: string): boolean => String(text(node)?.value) === value;

const holds = (node: Tree, key: string, value: string): boolean => isText(child(node, key), value);
