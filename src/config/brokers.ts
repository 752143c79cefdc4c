import type { EndpointDefinition } from './endpoints.ts';

/**
 * Which endpoints are connections to one broker: what is sent to one of them can be read at another. By the name of
 * an endpoint, that of the first of them.
 */
export function sameBrokers(endpoints: ReadonlyMap<string, EndpointDefinition>): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  const broker = new Map<string, string>();
  for (const [name, definition] of endpoints) {
    const places = placesOf(definition);
    const known = places.flatMap((place) => first.get(place) ?? []);
    const same = known[0] ?? name;
    broker.set(name, same);
    // two that were thought different have this one in common
    for (const [other, its] of broker) if (known.includes(its)) broker.set(other, same);
    for (const place of places) first.set(place, same);
    for (const [place, its] of first) if (known.includes(its)) first.set(place, same);
  }
  return broker;
}

/** Where a connection goes to; nothing for a listener. One server may hold several brokers, told apart by name. */
function placesOf({ protocol, role, config }: EndpointDefinition): string[] {
  if (role === 'listener') return [];
  const { url, brokers, vhost, host, namespace } = config as Record<string, unknown>;
  const written = url ?? brokers;
  return (Array.isArray(written) ? written : [written]).flatMap((each: unknown) => {
    const place = hostAndPort(each);
    return place === undefined ? [] : [JSON.stringify([protocol.name, place, vhost, host, namespace])];
  });
}

function hostAndPort(written: unknown): unknown {
  if (typeof written === 'string') return written;
  if (typeof written !== 'object' || written === null || !('host' in written && 'port' in written)) return undefined;
  return [written.host, written.port, 'path' in written ? written.path : ''];
}
