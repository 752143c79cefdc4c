import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfiguration, type Configuration } from '../../src/config/load.ts';
import type { Inputs } from '../../src/config/inputs.ts';
import { Gateway } from '../../src/gateway.ts';
import { Reloader } from '../../src/gateway/reloader.ts';
import { protocols } from '../../src/protocols/index.ts';
import { keptLog, until } from '../helpers.ts';
import { randomFrom } from '../store/random.ts';
import { Load } from './load.ts';
import { endpointsOf, firstPlan, mistakes, nextPlan, routesOf, type Plan, type Ports } from './plan.ts';

export interface Result {
  readonly reloads: number;
  /** How many of them were of faulty files, and changed nothing. */
  readonly refused: number;
  readonly sent: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
  /** How often the publisher, whose listener never changes, was disconnected. */
  readonly disconnects: number;
}

export interface Options {
  readonly count: number;
  readonly seed: number;
  /** Called after each reload. */
  readonly onRound?: (round: number, load: Load) => void;
}

/** Reloads a gateway that is under load, each time by another configuration, and counts what came of the messages. */
export async function runReloads({ count, seed, onRound }: Options): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'junction-reloads-'));
  await mkdir(join(folder, 'routes'));
  const file = join(folder, 'junction.yaml');
  const ports: Ports = { mqtt: await freePort(), out: await freePort(), side: await freePort() };
  const random = randomFrom(seed);
  const load = (inputs?: Inputs): Promise<Configuration> =>
    loadConfiguration(file, { env: {}, protocols, ...(inputs && { inputs }) });
  let plan = firstPlan;
  await writePlan(folder, plan, ports);
  const log = keptLog();
  const gateway = new Gateway(await load(), log, () => log);
  await gateway.open();
  const reloader = new Reloader(await load(), {
    load,
    apply: (next) => gateway.reload(next),
    onRead: () => undefined,
    log,
  });
  const traffic = await Load.begin(ports);
  let refused = 0;
  try {
    for (let round = 0; round < count; round++) {
      if (random() < 0.1) {
        await putFile(join(folder, 'routes', 'bad.yaml'), mistakes[Math.floor(random() * mistakes.length)]!);
        assert.equal((await reloader.reload('faulty')).state, 'faulty');
        await rm(join(folder, 'routes', 'bad.yaml'));
        refused++;
      } else {
        plan = nextPlan(plan, random);
        await writePlan(folder, plan, ports);
        const result = await reloader.reload('changed');
        assert.equal(result.state, 'reloaded', `round ${round}: ${JSON.stringify(result)}`);
      }
      log.lines.splice(0);
      onRound?.(round, traffic);
    }
    await traffic.finish();
    const { tally } = traffic;
    const end = Date.now() + 60_000;
    await until(() => tally.received >= tally.sent || Date.now() > end, 'all has come', 120_000);
    const { sent, doubled, reordered } = tally;
    return {
      reloads: count,
      refused,
      sent,
      lost: traffic.lost,
      doubled,
      reordered,
      disconnects: traffic.disconnects,
    };
  } finally {
    await traffic.finish();
    await traffic.close();
    await gateway.drain(5_000);
    await gateway.close();
    await rm(folder, { recursive: true });
  }
}

/** The last line of the command. */
export const summary = ({ reloads, sent, lost, doubled, reordered }: Result): string =>
  `reloads=${reloads} sent=${sent} lost=${lost} doubled=${doubled} reordered=${reordered}`;

async function writePlan(folder: string, plan: Plan, ports: Ports): Promise<void> {
  await putFile(join(folder, 'junction.yaml'), endpointsOf(plan, ports, folder));
  await putFile(join(folder, 'routes', 'main.yaml'), routesOf(plan));
}

async function putFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}~`, text);
  await rename(`${path}~`, path);
}

/** A port for a listener that is to be found at the same place again. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
