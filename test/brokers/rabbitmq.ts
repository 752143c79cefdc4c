import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import amqp from 'amqplib';
import { type ListenerTls } from './certificates.ts';
import { until } from '../until.ts';
import { accepts, Broker, brokerFolder, type User } from './process.ts';
import { freePort } from './ports.ts';

/** Debian's package; its `rabbitmq-server` in the path would change to a user of its own. */
export const rabbitMqServer = '/usr/lib/rabbitmq/bin/rabbitmq-server';

export interface RabbitMqOptions {
  /** The only users, each with every permission. Without this: guest (password guest), whom MQTT and STOMP clients without credentials are, too. */
  readonly users?: readonly User[];
  /** Further listeners with TLS. A client with a certificate may log in as the user its common name says. */
  readonly tls?: ListenerTls;
  /** Further lines of rabbitmq.conf, e.g. `consumer_timeout = 5000`; they win over ours. */
  readonly config?: readonly string[];
  /** All its plugins; those for AMQP 1.0, MQTT and STOMP unless told. Without MQTT's it starts in half the time. */
  readonly plugins?: readonly string[];
}

/** The ports of a RabbitMQ; `Broker.port` is that of AMQP, both 0-9-1 and 1.0. */
export interface RabbitMqPorts {
  readonly mqttPort: number;
  readonly stompPort: number;
  /** With TLS; undefined without the option. */
  readonly tlsPort: number | undefined;
  readonly mqttTlsPort: number | undefined;
  readonly stompTlsPort: number | undefined;
}

/** RabbitMQ as one node, with its plugins for AMQP 1.0, MQTT 3.1.1 and STOMP. */
export async function startRabbitMq(options: RabbitMqOptions = {}): Promise<Broker & RabbitMqPorts> {
  const folder = await brokerFolder('rabbitmq');
  const distribution = await freePort();
  const port = await freePort();
  const ports: RabbitMqPorts = {
    mqttPort: await freePort(),
    stompPort: await freePort(),
    tlsPort: options.tls && (await freePort()),
    mqttTlsPort: options.tls && (await freePort()),
    stompTlsPort: options.tls && (await freePort()),
  };
  const plugins = options.plugins ?? ['rabbitmq_amqp1_0', 'rabbitmq_mqtt', 'rabbitmq_stomp'];
  const users = options.users ?? [{ username: 'guest', password: 'guest' }];
  const listeners = [
    listener('', port, ports.tlsPort),
    ...(plugins.includes('rabbitmq_mqtt') ? [listener('mqtt.', ports.mqttPort, ports.mqttTlsPort)] : []),
    ...(plugins.includes('rabbitmq_stomp') ? [listener('stomp.', ports.stompPort, ports.stompTlsPort)] : []),
  ];
  const config = [
    ...listeners.flatMap(({ lines }) => lines),
    ...loginWithout(options, plugins),
    ...(options.tls ? tlsConfig(options.tls) : []),
    `load_definitions = ${folder}/definitions.json`,
    // a nearly full disk is no concern of a test's
    'disk_free_limit.absolute = 1MB',
    'log.file = false',
    'log.console = true',
    'log.console.level = warning',
    ...(options.config ?? []),
  ];
  const enabled = [...plugins, ...(options.tls ? ['rabbitmq_auth_mechanism_ssl'] : [])];
  await writeFile(join(folder, 'rabbitmq.conf'), `${config.join('\n')}\n`);
  await writeFile(join(folder, 'enabled_plugins'), `[${enabled.join(',')}].\n`);
  await writeFile(join(folder, 'definitions.json'), definitions(users));
  const listening = listeners.flatMap(({ at }) => at);
  const broker = new Broker({
    name: 'RabbitMQ',
    port,
    folder,
    command: [rabbitMqServer],
    env: environment(folder, distribution, await freePort()),
    ready: async () =>
      (await opens(port, users[0])) && (await Promise.all(listening.map(accepts))).every(Boolean),
  });
  await broker.start();
  return Object.assign(broker, ports);
}

/**
 * Resolves once the broker's disk knows these quorum queues. It confirms their making, and messages, some seconds
 * before it writes their names to the file that its Raft library finds them by. Killed in between, RabbitMQ 3.10.8 comes
 * back with queues that are empty, have no leader and never get one: what it has confirmed there is gone, nothing is
 * confirmed any more, nobody can read, and neither a declaration nor another restart helps.
 */
export function quorumQueuesWritten({ folder }: Broker, queues: readonly string[]): Promise<void> {
  const names = join(folder, 'mnesia/junction@localhost/quorum/junction@localhost/names.dets');
  return until(
    async () => {
      const written = await readFile(names);
      return queues.every((queue) => written.includes(`%2F_${queue}`));
    },
    `the quorum queues ${queues.join(', ')} are on the broker's disk`,
  );
}

/**
 * The node starts Erlang's distribution itself, on a port that it need not tell: else the server would start an `epmd`,
 * a daemon that all Erlang nodes of the machine share and that outlives them.
 */
const environment = (folder: string, distribution: number, noDaemon: number): Record<string, string> => ({
  HOME: folder,
  RABBITMQ_NODENAME: 'junction@localhost',
  RABBITMQ_CONF_ENV_FILE: '/dev/null',
  RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
  RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
  RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
  RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
  RABBITMQ_LOG_BASE: join(folder, 'log'),
  RABBITMQ_PID_FILE: join(folder, 'pid'),
  RABBITMQ_DIST_PORT: String(distribution),
  // The script becomes the server instead of waiting for it, so that its process is the one to end.
  RABBITMQ_ALLOW_INPUT: 'true',
  RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
    '-noinput +S 2:2 +A 16',
    `-sname junction@localhost -setcookie junction -erl_epmd_port ${distribution}`,
    '-kernel inet_dist_use_interface {127,0,0,1}',
  ].join(' '),
  // Also for the Erlang that it starts itself each minute only to have an epmd, and which then fails at once.
  ERL_FLAGS: '-start_epmd false',
  ERL_CRASH_DUMP_SECONDS: '0',
  // No daemon listens there: a running one would learn our name.
  ERL_EPMD_PORT: String(noDaemon),
});

/** The lines of one protocol's listeners, and their ports. */
function listener(
  prefix: string,
  port: number,
  tlsPort: number | undefined,
): { lines: string[]; at: number[] } {
  const plain = `${prefix}listeners.tcp.1 = 127.0.0.1:${port}`;
  if (tlsPort === undefined) return { lines: [plain], at: [port] };
  return { lines: [plain, `${prefix}listeners.ssl.1 = 127.0.0.1:${tlsPort}`], at: [port, tlsPort] };
}

/** Who is let in without a name and a password. */
function loginWithout({ users, tls }: RabbitMqOptions, plugins: readonly string[]): string[] {
  const lines: [plugin: string, line: string, applies: boolean][] = [
    ['rabbitmq_mqtt', `mqtt.allow_anonymous = ${!users}`, true],
    ['rabbitmq_mqtt', 'mqtt.default_user = guest', !users],
    ['rabbitmq_mqtt', 'mqtt.default_pass = guest', !users],
    ['rabbitmq_mqtt', 'mqtt.ssl_cert_login = true', !!tls],
    ['rabbitmq_stomp', 'stomp.default_user = guest', !users],
    ['rabbitmq_stomp', 'stomp.default_pass = guest', !users],
    ['rabbitmq_stomp', 'stomp.ssl_cert_login = true', !!tls],
    ['rabbitmq_amqp1_0', `amqp1_0.default_user = ${users ? 'none' : 'guest'}`, true],
  ];
  return lines.filter(([plugin, , applies]) => applies && plugins.includes(plugin)).map(([, line]) => line);
}

const tlsConfig = ({ certificates: { files }, requireClient = false }: ListenerTls): string[] => [
  `ssl_options.cacertfile = ${files.ca}`,
  `ssl_options.certfile = ${files.cert}`,
  `ssl_options.keyfile = ${files.key}`,
  'ssl_options.verify = verify_peer',
  `ssl_options.fail_if_no_peer_cert = ${requireClient}`,
  'ssl_cert_login_from = common_name',
  'auth_mechanisms.1 = PLAIN',
  'auth_mechanisms.2 = AMQPLAIN',
  'auth_mechanisms.3 = EXTERNAL',
];

const definitions = (users: readonly User[]): string =>
  JSON.stringify({
    users: users.map(({ username, password }) => ({ name: username, password, tags: 'administrator' })),
    vhosts: [{ name: '/' }],
    permissions: users.map(({ username }) => ({
      user: username,
      vhost: '/',
      configure: '.*',
      write: '.*',
      read: '.*',
    })),
  });

/** Whether it opens a connection, asked of the broker itself. */
async function opens(port: number, user: User | undefined): Promise<boolean> {
  try {
    const connection = await amqp.connect(
      { hostname: '127.0.0.1', port, username: user?.username, password: user?.password },
      { timeout: 2000 },
    );
    await connection.close();
    return true;
  } catch {
    return false;
  }
}
