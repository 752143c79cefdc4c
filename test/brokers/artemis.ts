import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Certificates, type ListenerTls } from './certificates.ts';
import { classPath, javaFlags, log4j } from './java.ts';
import { opensAmqp } from './opens.ts';
import { accepts, Broker, brokerFolder, type User } from './process.ts';
import { freePort } from './ports.ts';

export interface ArtemisOptions {
  /** The only users, each with every permission. Without this: admin (password admin), and clients without credentials are let in. */
  readonly users?: readonly User[];
  /** A further listener with TLS. A client with a certificate may log in (AMQP: SASL EXTERNAL) as the user its common name says. */
  readonly tls?: ListenerTls;
  /** Further elements inside `<core>` of broker.xml, e.g. `<diverts>…</diverts>` or `<addresses>…</addresses>`. */
  readonly xml?: string;
  /** Further parameters of all listeners, e.g. `amqpCredits=10;amqpLowCredits=3`. */
  readonly acceptor?: string;
}

/** The ports of an Artemis; `Broker.port` is that of AMQP 1.0. */
export interface ArtemisPorts {
  readonly stompPort: number;
  readonly mqttPort: number;
  /** Artemis's own protocol. */
  readonly corePort: number;
  /** All protocols with TLS; undefined without the option. */
  readonly tlsPort: number | undefined;
}

/**
 * ActiveMQ Artemis with a journal on disk, from the jars of Maven Central. An address that is not declared is made at
 * first use; the prefixes `queue://` and `/queue/` ask for one consumer of each message, `topic://` and `/topic/` for all.
 */
export async function startArtemis(options: ArtemisOptions = {}): Promise<Broker & ArtemisPorts> {
  const jars = await classPath('artemis');
  const folder = await brokerFolder('artemis');
  const port = await freePort();
  const ports: ArtemisPorts = {
    stompPort: await freePort(),
    mqttPort: await freePort(),
    corePort: await freePort(),
    tlsPort: options.tls && (await freePort()),
  };
  const etc = join(folder, 'etc');
  await mkdir(etc);
  const users = options.users ?? [{ username: 'admin', password: 'admin' }];
  const files = {
    'broker.xml': brokerXml(port, ports, etc, options),
    'login.config': loginConfig(etc, options.users === undefined),
    'users.properties': users.map(({ username, password }) => `${username} = ${password}`).join('\n'),
    'roles.properties': `all = ${users.map(({ username }) => username).join(',')}`,
    'subjects.properties': users.map(({ username }) => `${username} = CN=${username}`).join('\n'),
    'key.pemcfg': options.tls ? keyStore(options.tls.certificates) : '',
    'log4j2.properties': log4j,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(etc, name), text);
  const broker = new Broker({
    name: 'Artemis',
    port,
    folder,
    command: [
      'java',
      ...javaFlags('256m'),
      `-Djava.security.auth.login.config=${etc}/login.config`,
      `-Dlog4j2.configurationFile=${etc}/log4j2.properties`,
      '-cp',
      jars,
      'org.apache.activemq.artemis.core.server.embedded.Main',
      folder,
    ],
    ready: async () => {
      const further = [ports.stompPort, ports.mqttPort, ports.corePort, ports.tlsPort ?? port];
      return (await opensAmqp(port, users[0])) && (await Promise.all(further.map(accepts))).every(Boolean);
    },
  });
  await broker.start();
  return Object.assign(broker, ports);
}

function brokerXml(port: number, ports: ArtemisPorts, etc: string, options: ArtemisOptions): string {
  const prefixes = 'anycastPrefix=queue://,/queue/;multicastPrefix=topic://,/topic/';
  const more = options.acceptor ? `;${options.acceptor}` : '';
  const acceptor = (name: string, at: number, protocols: string, domain = 'plain', further = ''): string =>
    `<acceptor name="${name}">tcp://127.0.0.1:${at}?protocols=${protocols};securityDomain=${domain};useEpoll=false;${escape(prefixes + further + more)}</acceptor>`;
  return `<configuration xmlns="urn:activemq"><core xmlns="urn:activemq:core">
  <name>junction</name>
  <persistence-enabled>true</persistence-enabled>
  <journal-type>NIO</journal-type>
  <journal-file-size>1M</journal-file-size>
  <journal-min-files>2</journal-min-files>
  <journal-pool-files>2</journal-pool-files>
  <journal-buffer-timeout>1000000</journal-buffer-timeout>
  <max-disk-usage>99</max-disk-usage>
  <global-max-size>64M</global-max-size>
  <scheduled-thread-pool-max-size>2</scheduled-thread-pool-max-size>
  <thread-pool-max-size>8</thread-pool-max-size>
  <message-expiry-scan-period>500</message-expiry-scan-period>
  <acceptors>
    ${acceptor('amqp', port, 'AMQP')}
    ${acceptor('stomp', ports.stompPort, 'STOMP')}
    ${acceptor('mqtt', ports.mqttPort, 'MQTT')}
    ${acceptor('core', ports.corePort, 'CORE')}
    ${options.tls && ports.tlsPort ? acceptor('tls', ports.tlsPort, 'AMQP,STOMP,MQTT,CORE', 'tls', tlsParameters(options.tls, etc)) : ''}
  </acceptors>
  <security-settings>
    <security-setting match="#">
      ${permissions.map((type) => `<permission type="${type}" roles="all"/>`).join('')}
    </security-setting>
  </security-settings>
  <address-settings>
    <address-setting match="#">
      <dead-letter-address>DLQ</dead-letter-address>
      <expiry-address>ExpiryQueue</expiry-address>
      <redelivery-delay>0</redelivery-delay>
      <auto-delete-queues>false</auto-delete-queues>
      <auto-delete-addresses>false</auto-delete-addresses>
    </address-setting>
  </address-settings>
  ${options.xml ?? ''}
</core></configuration>`;
}

const permissions = [
  'createNonDurableQueue',
  'deleteNonDurableQueue',
  'createDurableQueue',
  'deleteDurableQueue',
  'createAddress',
  'deleteAddress',
  'consume',
  'browse',
  'send',
  'manage',
];

const tlsParameters = ({ certificates, requireClient = false }: ListenerTls, etc: string): string =>
  [
    ';sslEnabled=true;saslMechanisms=EXTERNAL,PLAIN,ANONYMOUS;keyStoreType=PEMCFG',
    `keyStorePath=${etc}/key.pemcfg`,
    'trustStoreType=PEMCA',
    `trustStorePath=${certificates.files.ca}`,
    requireClient ? 'needClientAuth=true' : 'wantClientAuth=true',
  ].join(';');

const keyStore = ({ files }: Certificates): string => `source.key=${files.key}\nsource.cert=${files.cert}\n`;

/** Who is let in: with TLS by certificate; else by name and password; else, unless users are given, anybody without either. */
function loginConfig(etc: string, anonymous: boolean): string {
  const jaas = 'org.apache.activemq.artemis.spi.core.security.jaas';
  const certificate = `${jaas}.TextFileCertificateLoginModule sufficient baseDir="${etc}"
    org.apache.activemq.jaas.textfiledn.user="subjects.properties"
    org.apache.activemq.jaas.textfiledn.role="roles.properties";`;
  const password = `${jaas}.PropertiesLoginModule sufficient baseDir="${etc}"
    org.apache.activemq.jaas.properties.user="users.properties"
    org.apache.activemq.jaas.properties.role="roles.properties";`;
  const guest = `${jaas}.GuestLoginModule sufficient credentialsInvalidate=true
    org.apache.activemq.jaas.guest.user="guest" org.apache.activemq.jaas.guest.role="all";`;
  const last = anonymous ? guest : '';
  return `plain { ${password} ${last} };\ntls { ${password} ${certificate} ${last} };\n`;
}

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
