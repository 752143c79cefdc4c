import type { EndpointDefinition } from '../config/endpoints.ts';

/** A server of an AsyncAPI document. */
export interface Server {
  readonly host: string;
  readonly pathname?: string;
  readonly protocol: string;
  readonly protocolVersion?: string;
  readonly title: string;
  readonly description: string;
}

/** As AsyncAPI calls protocols: plain, and by TLS. Others keep their name. */
const protocolNames: ReadonlyMap<string, readonly [plain: string, secure: string, version?: string]> =
  new Map([
    ['mqtt', ['mqtt', 'secure-mqtt']],
    ['amqp', ['amqp1', 'amqp1', '1.0']],
    ['rabbitmq', ['amqp', 'amqps', '0-9-1']],
    ['stomp', ['stomp', 'stomps']],
    ['kafka', ['kafka', 'kafka-secure']],
  ]);

/**
 * Where an endpoint is, by name: one server for each port of a listener, or for each place of a broker. Holds nothing
 * of the configuration but hosts, ports and paths.
 */
export function serversOf(endpoint: EndpointDefinition): ReadonlyMap<string, Server> {
  const { name, protocol, role } = endpoint;
  const [plain, secure, version] = protocolNames.get(protocol.name) ?? [protocol.name, protocol.name];
  const servers = new Map<string, Server>();
  for (const { host, path, tls, webSocket } of placesOf(endpoint)) {
    const listens =
      role === 'listener' ? 'Clients connect to Junction here' : 'A broker that Junction connects to';
    servers.set(servers.size === 0 ? name : `${name}-${servers.size + 1}`, {
      host,
      ...(path !== '' && { pathname: path }),
      protocol: webSocket ? (tls ? 'wss' : 'ws') : tls ? secure : plain,
      ...(version !== undefined && !webSocket && { protocolVersion: version }),
      title: name,
      description: `${listens}: ${protocol.summary}${webSocket ? ', by WebSocket' : ''}.`,
    });
  }
  return servers;
}

interface Place {
  readonly host: string;
  readonly path: string;
  readonly tls: boolean;
  readonly webSocket: boolean;
}

/** What is known of all configurations: `listen` and `websocket` of listeners, `url` or `brokers` of clients. */
function placesOf({ role, config }: EndpointDefinition): Place[] {
  const { listen, websocket, tls, url, brokers } = config as Record<string, unknown>;
  const secured = tls !== undefined && tls !== false;
  if (role === 'listener') {
    const own = hostOf(listen);
    const socket = fieldsOf(websocket);
    const other = hostOf(socket?.['listen']);
    return [
      ...(own === undefined ? [] : [{ host: own, path: '', tls: secured, webSocket: false }]),
      ...(other === undefined
        ? []
        : [
            {
              host: other,
              path: textOf(socket?.['path']),
              tls: (socket?.['tls'] ?? tls ?? 'none') !== 'none',
              webSocket: true,
            },
          ]),
    ];
  }
  const written = url ?? brokers;
  return (Array.isArray(written) ? written : [written]).flatMap((each: unknown) => {
    const host = hostOf(each);
    const { carrier, path } = fieldsOf(each) ?? {};
    const webSocket = carrier === 'ws' || carrier === 'wss';
    const tlsThere =
      carrier === 'tls' || carrier === 'wss' || (carrier !== 'ws' && secured && brokers !== undefined);
    return host === undefined ? [] : [{ host, path: textOf(path), tls: tlsThere, webSocket }];
  });
}

function hostOf(written: unknown): string | undefined {
  // without what could be before and after them
  if (typeof written === 'string') return /[^/@]+:\d+/.exec(written)?.[0];
  const { host, port } = fieldsOf(written) ?? {};
  if (typeof host !== 'string' || typeof port !== 'number') return undefined;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
