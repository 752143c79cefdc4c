import type { Protocol, Role, Traits } from '../core/protocol.ts';
import type { Place, Problems } from './problems.ts';
import type { MapNode, Tree } from './tree.ts';
import { keysOf, validate } from './validate.ts';
import { hintOf, nearest, quoted } from './words.ts';

/** How each protocol is loaded, by the name that stands in `type:`. */
export type ProtocolRegistry = Readonly<Record<string, () => Promise<{ default: Protocol }>>>;

export type RoleName = 'listener' | 'client';

/** An endpoint of the configuration, ready to be made. */
export interface EndpointDefinition {
  readonly name: string;
  readonly protocol: Protocol;
  readonly role: RoleName;
  readonly definition: Role;
  /** What the role's schema made of the endpoint's keys. */
  readonly config: unknown;
  /** Where it is written. */
  readonly place: Place;
}

/** What an endpoint holds, as it is configured. */
export const traitsIn = ({ definition, config }: Pick<EndpointDefinition, 'definition' | 'config'>): Traits =>
  definition.traitsOf?.(config) ?? definition.traits;

/** What is known about the endpoints even where some are faulty, so that the routes can be checked all the same. */
export interface CheckedEndpoints {
  readonly definitions: ReadonlyMap<string, EndpointDefinition>;
  /** Every name that is written, with its protocol as far as that is known. */
  readonly names: ReadonlyMap<string, Protocol | undefined>;
}

/** Checks what stands below `endpoints:`, loading only the protocols that are used. */
export async function checkEndpoints(
  tree: MapNode,
  registry: ProtocolRegistry,
  problems: Problems,
): Promise<CheckedEndpoints> {
  const definitions = new Map<string, EndpointDefinition>();
  const names = new Map<string, Protocol | undefined>();
  for (const [name, { key, node }] of tree.entries) {
    const protocol = node.kind === 'map' ? await protocolOf(node, registry, problems) : undefined;
    names.set(name, protocol);
    if (node.kind !== 'map' || protocol === undefined) continue;
    const entries = new Map([...node.entries].filter(([key]) => key !== 'type'));
    const settings: MapNode = { ...node, entries };
    const role = roleOf(settings, key, protocol, problems);
    if (role === undefined) continue;
    const definition = protocol[role]!;
    const config = validate(definition.config, settings, problems);
    if (config !== undefined) definitions.set(name, { name, protocol, role, definition, config, place: key });
  }
  return { definitions, names };
}

async function protocolOf(
  node: MapNode,
  registry: ProtocolRegistry,
  problems: Problems,
): Promise<Protocol | undefined> {
  const type: Tree | undefined = node.entries.get('type')?.node;
  if (type?.kind !== 'scalar' || typeof type.value !== 'string') return undefined; // the schema has said so
  const name = type.value;
  if (!Object.hasOwn(registry, name)) {
    const known = Object.keys(registry);
    problems.error(
      type.at,
      `unknown type ${quoted(name)}`,
      hintOf(nearest(name, known), known, 'known types'),
    );
    return undefined;
  }
  try {
    return (await registry[name]!()).default;
  } catch (error) {
    problems.error(type.at, `the protocol ${quoted(name)} could not be loaded: ${(error as Error).message}`);
    return undefined;
  }
}

/** A listener has `listen`, the connection to a broker `url` or `brokers`. */
function roleOf(node: MapNode, at: Place, protocol: Protocol, problems: Problems): RoleName | undefined {
  const listen = node.entries.get('listen');
  const dial = node.entries.get('url') ?? node.entries.get('brokers');
  if (listen && dial) {
    problems.error(
      dial.key,
      'an endpoint either listens or connects to a broker, not both',
      'make it two endpoints',
    );
    return undefined;
  }
  if (listen && !protocol.listener) {
    problems.error(
      listen.key,
      `${protocol.name} cannot listen`,
      `write ${dialKeys(protocol)} to connect to a broker`,
    );
    return undefined;
  }
  if (dial && !protocol.client) {
    problems.error(dial.key, `${protocol.name} cannot connect to a broker`, 'write "listen: host:port"');
    return undefined;
  }
  if (listen) return 'listener';
  if (dial) return 'client';
  // With one role its own schema says which key is missing.
  if (!protocol.client) return 'listener';
  if (!protocol.listener) return 'client';
  for (const [name, { key }] of node.entries) {
    const meant = nearest(name, ['listen', 'url', 'brokers']);
    if (meant === undefined) continue;
    problems.error(key, `unknown key ${quoted(name)}`, `did you mean "${meant}"?`);
    return undefined;
  }
  problems.error(
    at,
    'the endpoint neither listens nor connects to a broker',
    `add "listen: host:port" or ${dialKeys(protocol)}`,
  );
  return undefined;
}

/** The key by which this protocol is told where its broker is. */
function dialKeys(protocol: Protocol): string {
  const keys = keysOf(protocol.client?.config).filter((key) => key === 'url' || key === 'brokers');
  return (keys.length > 0 ? keys : ['url', 'brokers']).map((key) => `"${key}: …"`).join(' or ');
}
