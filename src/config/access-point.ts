import type { Problems } from './problems.ts';
import type { Entry, MapNode, ScalarNode, Tree } from './tree.ts';
import { hintOf, nearest, quoted } from './words.ts';

/** How an endpoint's schema wants to be told where its brokers are. */
type Dial = 'brokers' | { readonly plain: string; readonly secure: string };

/** Types of endpoints, and the key that a region fills, since it is what they call a namespace. */
const types = new Map<string, { readonly dial: Dial; readonly region?: string }>([
  ['rocketmq', { dial: 'brokers', region: 'namespace' }],
  ['kafka', { dial: 'brokers' }],
  ['rabbitmq', { dial: { plain: 'amqp', secure: 'amqps' }, region: 'vhost' }],
  ['amqp', { dial: { plain: 'amqp', secure: 'amqps' } }],
  ['mqtt', { dial: { plain: 'mqtt', secure: 'mqtts' } }],
  ['stomp', { dial: { plain: 'stomp', secure: 'stomp+ssl' } }],
]);

/** Driver types of OpenMessaging, and the endpoints that speak with them; the first is meant without `type`. */
const drivers = new Map<string, readonly [string, ...string[]]>([
  ['rocketmq', ['rocketmq']],
  ['kafka', ['kafka']],
  ['rabbitmq', ['rabbitmq', 'amqp', 'mqtt', 'stomp']],
  ['activemq', ['amqp', 'mqtt', 'stomp']],
  ['artemis', ['amqp', 'mqtt', 'stomp']],
  ['amqp', ['amqp']],
  ['mqtt', ['mqtt']],
  ['stomp', ['stomp']],
]);

const form = /^oms:([A-Za-z0-9+.-]*):\/\/(?:([^@/]*)@)?([^@/]*)\/([^/\s]*)$/;
const host = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;
const example = 'oms:rocketmq://host:8081,host2:8081/default';

/** Where the OpenMessaging access point schema says nothing else. */
const defaultPort = 80;

/**
 * A configuration in which endpoints whose `url` is an access point of OpenMessaging
 * (`oms:<driver>://[account@]host[:port],…/<region>`) are written as their types want it. All else stays as it is.
 */
export function withAccessPoints(tree: Tree | undefined, problems: Problems): Tree | undefined {
  const endpoints = tree?.kind === 'map' ? tree.entries.get('endpoints') : undefined;
  if (tree?.kind !== 'map' || endpoints?.node.kind !== 'map') return tree;
  const entries = new Map(
    [...endpoints.node.entries].map(([name, entry]): [string, Entry] => [
      name,
      { ...entry, node: withAccessPoint(entry.node, problems) },
    ]),
  );
  const node: Tree = { ...endpoints.node, entries };
  return { ...tree, entries: new Map(tree.entries).set('endpoints', { ...endpoints, node }) };
}

function withAccessPoint(endpoint: Tree, problems: Problems): Tree {
  const url = endpoint.kind === 'map' ? endpoint.entries.get('url')?.node : undefined;
  if (endpoint.kind !== 'map' || url?.kind !== 'scalar' || typeof url.value !== 'string') return endpoint;
  if (!/^\s*oms:/.test(url.value)) return endpoint;
  return written(endpoint, url, problems) ?? { kind: 'broken', at: endpoint.at };
}

function written(node: MapNode, url: ScalarNode, problems: Problems): MapNode | undefined {
  const found = form.exec(String(url.value).trim());
  if (!found) {
    const secret = String(url.value).includes('@');
    problems.error(
      url.at,
      `${secret ? 'this' : quoted(String(url.value))} is no access point of OpenMessaging`,
      `write oms:DRIVER://host:port,host2:port/REGION, e.g. ${example}`,
    );
    return undefined;
  }
  const [, driver, account, hosts, region] = found as unknown as [string, string, string?, string?, string?];
  const type = typeOf(driver, node, url, problems);
  const addresses = type === undefined ? undefined : addressesOf(hosts!, url, problems);
  if (type === undefined || addresses === undefined) return undefined;
  const { dial, region: regionKey } = types.get(type)!;
  const entries = new Map([...node.entries].filter(([key]) => key !== 'url'));
  const at = node.entries.get('url')!.key;
  const add = (key: string, value: Tree): void => {
    if (!entries.has(key)) entries.set(key, { key: at, node: value });
  };
  add('type', scalar(type, url));
  const key = dial === 'brokers' ? 'brokers' : 'url';
  const scheme = dial === 'brokers' ? '' : `${node.entries.has('tls') ? dial.secure : dial.plain}://`;
  add(key, {
    kind: 'list',
    at: url.at,
    items: addresses.map((address) => scalar(scheme + address, url)),
  });
  if (regionKey !== undefined && region !== '' && region !== 'default') add(regionKey, scalar(region!, url));
  if (account !== undefined && !addAccount(account, type, add, url, problems)) return undefined;
  return { ...node, entries };
}

function typeOf(driver: string, node: MapNode, url: ScalarNode, problems: Problems): string | undefined {
  const known = drivers.get(driver);
  if (!known) {
    const names = [...drivers.keys()];
    problems.error(
      url.place('oms:'.length),
      `unknown OpenMessaging driver ${quoted(driver)}`,
      hintOf(nearest(driver, names), names, 'known drivers'),
    );
    return undefined;
  }
  const type = node.entries.get('type')?.node;
  if (type === undefined) return known[0];
  if (type.kind === 'scalar' && known.includes(String(type.value))) return String(type.value);
  if (type.kind === 'scalar')
    problems.error(
      type.at,
      `the driver ${driver} is not spoken with as ${quoted(String(type.value))}`,
      `write "type: ${known.join('" or "type: ')}", or leave it out`,
    );
  return undefined;
}

function addressesOf(hosts: string, url: ScalarNode, problems: Problems): string[] | undefined {
  const addresses: string[] = [];
  for (const each of hosts.split(',')) {
    const found = host.exec(each.trim());
    if (!found) {
      problems.error(url.at, `${quoted(each.trim())} is no host:port`, `write e.g. ${example}`);
      return undefined;
    }
    if (found[2] === undefined)
      problems.warning(
        url.at,
        `${quoted(each.trim())} has no port, which is ${defaultPort} in OpenMessaging`,
        'write host:port',
      );
    addresses.push(`${found[1]}:${found[2] ?? defaultPort}`);
  }
  return addresses;
}

function addAccount(
  account: string,
  type: string,
  add: (key: string, value: Tree) => void,
  url: ScalarNode,
  problems: Problems,
): boolean {
  const hint =
    type === 'kafka'
      ? 'write "sasl: { mechanism: …, username: …, password: … }"'
      : 'write "password: ${NAME}" beside it, and the account alone in the URL';
  if (account.includes(':') || type === 'kafka') {
    problems.error(
      url.at,
      type === 'kafka'
        ? 'an account alone does not say how to log in at Kafka'
        : 'passwords do not belong in the URL, which is shown in logs',
      hint,
    );
    return false;
  }
  add('username', scalar(account, url));
  return true;
}

const scalar = (value: string, { at, substituted }: ScalarNode): ScalarNode => ({
  kind: 'scalar',
  at,
  value,
  text: undefined,
  substituted,
  place: () => at,
});
