import type { HostPort } from '../core/units.ts';
import type { EndpointDefinition } from './endpoints.ts';
import { formatPlace, type Place, type Problems } from './problems.ts';
import { child, type Tree } from './tree.ts';

/** Where something listens, and where that is written; without a place it is a default. */
interface Listening extends HostPort {
  readonly what: string;
  readonly at: Place | undefined;
}

/** What a listener says of itself, whatever its protocol. */
interface Settings {
  readonly listen?: HostPort;
  readonly websocket?: { readonly listen?: HostPort };
}

/**
 * Reports two that would listen on one port of one host: the second could not open.
 * @param admin where the admin interface listens; undefined where it cannot be told
 */
export function checkListens(
  tree: Tree | undefined,
  admin: HostPort | undefined,
  endpoints: ReadonlyMap<string, EndpointDefinition>,
  problems: Problems,
): void {
  const all: Listening[] = [];
  const add = (what: string, listen: HostPort | undefined, written: Tree | undefined): void => {
    // port 0: the system chooses one that is free
    if (listen && listen.port !== 0) all.push({ ...listen, what, at: written?.at });
  };
  add('the admin interface', admin, child(child(tree, 'admin'), 'listen'));
  for (const [name, { role, config }] of endpoints) {
    if (role !== 'listener') continue;
    const { listen, websocket } = config as Settings;
    const written = child(child(tree, 'endpoints'), name);
    add(`endpoint "${name}"`, listen, child(written, 'listen'));
    add(`endpoint "${name}" (websocket)`, websocket?.listen, child(child(written, 'websocket'), 'listen'));
  }
  all.forEach((each, index) => {
    const other = all.slice(0, index).find((before) => meet(before, each));
    if (!other) return;
    const at = each.at ?? other.at;
    if (at === undefined) return;
    const place = other.at === undefined ? 'by default' : `at ${formatPlace(other.at)}`;
    problems.error(
      at,
      `${other.what} listens on port ${each.port} too, ${place}`,
      `give ${each.what} a port of its own`,
    );
  });
}

function meet(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port) return false;
  const [one, two] = [hostOf(a), hostOf(b)];
  return one === two || everywhere(one, two) || everywhere(two, one);
}

const hostOf = ({ host }: HostPort): string => (host === 'localhost' ? '127.0.0.1' : host.toLowerCase());

/** Whether the first takes the port on all interfaces, that of the second among them. */
const everywhere = (host: string, other: string): boolean =>
  host === '0.0.0.0' ? !other.includes(':') : host === '::' && other.includes(':');
