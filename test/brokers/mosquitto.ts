import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { accepts, Broker, brokerFolder } from './process.ts';
import { freePort } from './ports.ts';

export interface MosquittoOptions {
  /** Further lines of mosquitto.conf, e.g. `max_inflight_messages 5`. */
  readonly config?: readonly string[];
}

/** Eclipse Mosquitto with a persistent store, which it writes on SIGTERM and SIGUSR1. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Broker> {
  const folder = await brokerFolder('mosquitto');
  const port = await freePort();
  const config = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${folder}/`,
    'user root', // it keeps our own user where that is not root
    'sys_interval 1',
    ...(options.config ?? []),
  ];
  const file = join(folder, 'mosquitto.conf');
  await writeFile(file, `${config.join('\n')}\n`);
  const broker = new Broker({
    name: 'Mosquitto',
    port,
    folder,
    command: ['mosquitto', '-c', file],
    ready: () => accepts(port),
  });
  await broker.start();
  return broker;
}
