import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Reloaded } from '../../src/admin/reload.ts';
import { loadConfiguration, type Configuration } from '../../src/config/load.ts';
import { Gateway } from '../../src/gateway.ts';
import { Reloader } from '../../src/gateway/reloader.ts';
import { protocols } from '../../src/protocols/index.ts';
import { keptLog } from '../helpers.ts';

/** A gateway in this process, and the files that it reads its configuration from. */
export interface Reloadable {
  readonly gateway: Gateway;
  readonly reloader: Reloader;
  readonly log: ReturnType<typeof keptLog>;
  /** Puts a file in place of another beside the configuration. */
  put(name: string, text: string): Promise<void>;
  /** Puts another configuration in place, if there is one, and has it read. */
  reload(text?: string): Promise<Reloaded>;
  /** Of a listener's first port. */
  port(endpoint: string): number;
}

/** @param files beside the configuration, by name */
export async function reloadable(
  t: TestContext,
  text: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Reloadable> {
  const folder = await mkdtemp(join(tmpdir(), 'junction-gateway-'));
  // Tests run side by side, and none may have the store of another.
  const own = `store: { path: ${JSON.stringify(join(folder, 'data'))} }\n`;
  const put = async (name: string, content: string): Promise<void> => {
    const lacksStore = name === 'junction.yaml' && !/^store:/m.test(content);
    await writeFile(join(folder, `${name}~`), lacksStore ? `${content}\n${own}` : content);
    await rename(join(folder, `${name}~`), join(folder, name));
  };
  const load = (): Promise<Configuration> =>
    loadConfiguration(join(folder, 'junction.yaml'), { env: { DATA: join(folder, 'data') }, protocols });
  for (const [name, content] of Object.entries(files)) await put(name, content);
  await put('junction.yaml', text);
  const log = keptLog();
  const first = await load();
  const gateway = new Gateway(first, log, () => log);
  t.after(async () => {
    await gateway.drain(5000);
    await gateway.close();
    await rm(folder, { recursive: true });
  });
  await gateway.open();
  const reloader = new Reloader(first, {
    load,
    apply: (next) => gateway.reload(next),
    onRead: () => undefined,
    log,
  });
  return {
    gateway,
    reloader,
    log,
    put,
    async reload(other) {
      if (other !== undefined) await put('junction.yaml', other);
      return reloader.reload('test');
    },
    port: (endpoint) => Number(/:(\d+)/.exec(gateway.status().get(endpoint)!.at)![1]),
  };
}
