import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { classPath, javaFlags, log4j } from './java.ts';
import { opensAmqp } from './opens.ts';
import { accepts, Broker, brokerFolder, type User } from './process.ts';
import { freePort } from './ports.ts';

export interface ActiveMqOptions {
  /** The only users, each with every permission. Without this: admin (password admin), and clients without credentials are let in. */
  readonly users?: readonly User[];
  /** Further elements inside `<broker>` of activemq.xml, e.g. `<destinationInterceptors>…</destinationInterceptors>`. */
  readonly xml?: string;
  /** Further parameters of all listeners, e.g. `transport.prefetch=10`. */
  readonly connector?: string;
}

/** The ports of an ActiveMQ Classic; `Broker.port` is that of AMQP 1.0. */
export interface ActiveMqPorts {
  readonly stompPort: number;
  readonly mqttPort: number;
  readonly openWirePort: number;
}

/** ActiveMQ Classic with its KahaDB on disk and without a web console, from the jars of Maven Central. */
export async function startActiveMq(options: ActiveMqOptions = {}): Promise<Broker & ActiveMqPorts> {
  const jars = await classPath('activemq');
  const folder = await brokerFolder('activemq');
  const port = await freePort();
  const ports: ActiveMqPorts = {
    stompPort: await freePort(),
    mqttPort: await freePort(),
    openWirePort: await freePort(),
  };
  const users = options.users ?? [{ username: 'admin', password: 'admin' }];
  await mkdir(join(folder, 'conf'));
  await writeFile(join(folder, 'conf/activemq.xml'), activeMqXml(folder, port, ports, users, options));
  await writeFile(join(folder, 'conf/log4j2.properties'), log4j);
  const broker = new Broker({
    name: 'ActiveMQ',
    port,
    folder,
    command: [
      'java',
      ...javaFlags('256m'),
      `-Dlog4j2.configurationFile=${folder}/conf/log4j2.properties`,
      `-Djava.io.tmpdir=${folder}`,
      '-cp',
      jars,
      'org.apache.activemq.console.command.ShellCommand',
      'start',
      `xbean:file:${folder}/conf/activemq.xml`,
    ],
    ready: async () =>
      (await opensAmqp(port, users[0])) &&
      (await Promise.all(Object.values({ ...ports }).map(accepts))).every(Boolean),
  });
  await broker.start();
  return Object.assign(broker, ports);
}

function activeMqXml(
  folder: string,
  port: number,
  ports: ActiveMqPorts,
  users: readonly User[],
  options: ActiveMqOptions,
): string {
  const connector = (name: string, scheme: string, at: number): string =>
    `<transportConnector name="${name}" uri="${scheme}://127.0.0.1:${at}?${escape(options.connector ?? '')}"/>`;
  // both schemas are in the jars: nothing is fetched
  return `<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans.xsd
    http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
<broker xmlns="http://activemq.apache.org/schema/core" brokerName="junction" dataDirectory="${folder}/data"
    useJmx="false" schedulerSupport="true">
  <persistenceAdapter>
    <kahaDB directory="${folder}/data/kahadb" journalMaxFileLength="4mb"/>
  </persistenceAdapter>
  <systemUsage><systemUsage>
    <memoryUsage><memoryUsage limit="64 mb"/></memoryUsage>
    <storeUsage><storeUsage limit="1 gb"/></storeUsage>
    <tempUsage><tempUsage limit="256 mb"/></tempUsage>
  </systemUsage></systemUsage>
  <plugins>
    <simpleAuthenticationPlugin anonymousAccessAllowed="${options.users === undefined}">
      <users>${users.map(({ username, password }) => `<authenticationUser username="${escape(username)}" password="${escape(password)}" groups="users"/>`).join('')}</users>
    </simpleAuthenticationPlugin>
  </plugins>
  <transportConnectors>
    ${connector('amqp', 'amqp', port)}
    ${connector('stomp', 'stomp', ports.stompPort)}
    ${connector('mqtt', 'mqtt', ports.mqttPort)}
    ${connector('openwire', 'tcp', ports.openWirePort)}
  </transportConnectors>
  ${options.xml ?? ''}
</broker></beans>`;
}

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
