import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Certificates } from './certificates.ts';
import { classPath, javaFlags } from './java.ts';
import { accepts, Broker, brokerFolder } from './process.ts';
import { freePort } from './ports.ts';

const launcher = fileURLToPath(new URL('RocketMq.java', import.meta.url));

export interface RocketMqOptions {
  /** Clients must authenticate; this one may do everything. */
  readonly user?: { readonly username: string; readonly password: string };
  /** The proxy's certificate. It takes TLS and plain text on one port. */
  readonly tls?: Certificates;
  /** Further settings of the broker, e.g. `autoCreateSubscriptionGroup=false`; they win over ours. */
  readonly config?: readonly string[];
  /** Further settings of the proxy. */
  readonly proxy?: Readonly<Record<string, string | number | boolean>>;
}

export type RocketMqTopicType = 'NORMAL' | 'FIFO' | 'DELAY' | 'MIXED';

/** What only RocketMQ's administration can do. */
export interface RocketMqAdmin {
  createTopic(name: string, options?: { type?: RocketMqTopicType; queues?: number }): Promise<void>;
  /** @param options `attempts`: how often a message is delivered again before it is a dead letter; 16 by default */
  createGroup(name: string, options?: { orderly?: boolean; attempts?: number }): Promise<void>;
  /** Creates a user, or changes its password. */
  setUser(username: string, password: string): Promise<void>;
}

/**
 * Apache RocketMQ 5: a name server, a broker and its gRPC proxy in one process, from the jars of Maven Central.
 * `Broker.port` is the proxy's, for clients of RocketMQ 5.
 */
export async function startRocketMq(options: RocketMqOptions = {}): Promise<Broker & RocketMqAdmin> {
  const jars = await classPath('rocketmq');
  const folder = await brokerFolder('rocketmq');
  const [port, names, listen, remoting, admin] = [
    await freePort(),
    await freePort(),
    await freeBrokerPort(),
    await freePort(),
    await freePort(),
  ];
  await mkdir(join(folder, 'conf'));
  await writeFile(join(folder, 'namesrv.conf'), `listenPort=${names}\nbindAddress=127.0.0.1\n`);
  await writeFile(join(folder, 'conf/broker.conf'), brokerConfig(folder, names, listen, options).join('\n'));
  await writeFile(
    join(folder, 'conf/rmq-proxy.json'),
    JSON.stringify({
      rocketMQClusterName: 'DefaultCluster',
      namesrvAddr: `127.0.0.1:${names}`,
      localServeAddr: '127.0.0.1',
      grpcServerPort: port,
      remotingListenPort: remoting,
      // it would write spans and metrics nowhere
      metricsExporterType: 'DISABLE',
      ...(options.tls && {
        tlsTestModeEnable: false,
        tlsCertPath: options.tls.files.cert,
        tlsKeyPath: options.tls.files.key,
      }),
      ...(options.user && {
        ...authentication(folder, options.user),
        // it asks the broker; with one of its own it would know nobody
        authenticationMetadataProvider: 'org.apache.rocketmq.proxy.auth.ProxyAuthenticationMetadataProvider',
      }),
      ...options.proxy,
    }),
  );
  const { user } = options;
  const broker = new Broker({
    name: 'RocketMQ',
    port,
    folder,
    env: { ROCKETMQ_HOME: folder, NAMESRV_ADDR: `127.0.0.1:${names}` },
    command: [
      'java',
      ...javaFlags('512m'),
      '-XX:MaxDirectMemorySize=512m',
      ...opens,
      `-Duser.home=${folder}`,
      ...['-cp', jars, launcher, folder, String(names), String(listen), String(admin)],
      ...(user ? [user.username, user.password] : []),
    ],
    ready: async () => (await accepts(port)) && (await ask(admin, 'ready', { now: true }).then(yes, no)),
  });
  await broker.start();
  return Object.assign(broker, {
    createTopic: (
      name: string,
      { type = 'NORMAL', queues = 1 }: { type?: RocketMqTopicType; queues?: number } = {},
    ) => ask(admin, 'topic', { name, type, queues }),
    createGroup: (
      name: string,
      { orderly = false, attempts = 16 }: { orderly?: boolean; attempts?: number } = {},
    ) => ask(admin, 'group', { name, orderly, attempts }),
    setUser: (name: string, password: string) => ask(admin, 'user', { name, password }),
  });
}

const yes = (): boolean => true;
const no = (): boolean => false;

/** The broker also listens two below its port for fast requests, and one above for replicas. */
async function freeBrokerPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (!(await accepts(port - 2)) && !(await accepts(port + 1))) return port;
  }
}

async function ask(
  port: number,
  what: string,
  values: Record<string, string | number | boolean>,
): Promise<void> {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) query.set(name, String(value));
  const answer = await fetch(`http://127.0.0.1:${port}/${what}?${query.toString()}`);
  if (!answer.ok) throw new Error(`RocketMQ's ${what}: ${await answer.text()}`);
}

const brokerConfig = (
  folder: string,
  names: number,
  listen: number,
  { user, config = [] }: RocketMqOptions,
): string[] => [
  'brokerClusterName=DefaultCluster',
  'brokerName=broker-a',
  'brokerId=0',
  'brokerRole=ASYNC_MASTER',
  // what is confirmed outlives the process, not the machine: a wait of 10 ms less for each message
  'flushDiskType=ASYNC_FLUSH',
  'brokerIP1=127.0.0.1',
  `listenPort=${listen}`,
  `namesrvAddr=127.0.0.1:${names}`,
  'autoCreateTopicEnable=false',
  'autoCreateSubscriptionGroup=true',
  `storePathRootDir=${folder}/store`,
  `storePathCommitLog=${folder}/store/commitlog`,
  // small files; by default one of 1 GiB for messages and one of 400 MiB for the index are written at the start
  'mappedFileSizeCommitLog=67108864',
  'mappedFileSizeConsumeQueue=600000',
  'maxHashSlotNum=50000',
  'maxIndexNum=200000',
  'timerWheelEnable=true',
  'mappedFileSizeTimerLog=10485760',
  'diskMaxUsedSpaceRatio=99',
  ...(user ? Object.entries(authentication(folder, user)).map(([name, value]) => `${name}=${value}`) : []),
  ...config,
];

const authentication = (folder: string, { username, password }: NonNullable<RocketMqOptions['user']>) => ({
  authenticationEnabled: true,
  authenticationProvider: 'org.apache.rocketmq.auth.authentication.provider.DefaultAuthenticationProvider',
  authenticationMetadataProvider:
    'org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider',
  authConfigPath: `${folder}/auth`,
  initAuthenticationUser: JSON.stringify({ username, password }),
  innerClientAuthenticationCredentials: JSON.stringify({ accessKey: username, secretKey: password }),
});

const opens = [
  ...['java.base/java.nio', 'java.base/sun.nio.ch', 'java.base/java.lang', 'java.base/java.util'],
].flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]);
