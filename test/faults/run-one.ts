import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { freePort } from '../brokers/index.ts';
import { randomFrom } from '../store/random.ts';
import { Admin } from './admin.ts';
import type { Built } from './build.ts';
import { Disk } from './disk.ts';
import { GatewayProcess } from './gateway-process.ts';
import { inflict, type Victims } from './inflict.ts';
import { Ledger } from './ledger.ts';
import { readStore } from './left-in-store.ts';
import { Load } from './load.ts';
import { poisonous, type Bench, type Path, type Reading, type RunningPath } from './path.ts';
import type { Fault, Plan } from './plan.ts';
import { FaultProxy } from './proxy.ts';
import { duplicatesAllowed } from './windows.ts';

export interface Result {
  readonly sent: number;
  readonly acknowledged: number;
  /** Acknowledged, and nowhere. */
  readonly lost: number;
  /** Acknowledged, and still in the gateway's spool when all was well and it had its time: stuck, but not lost. */
  readonly spooled: number;
  readonly duplicated: number;
  readonly deadLettered: number;
  /** Ms. */
  readonly took: number;
  /** What is wrong; nothing where all is well. */
  readonly problems: readonly string[];
  /** The folder with the gateway's configuration, log and store; it is kept where something is wrong. */
  readonly folder: string;
}

/** How long, in ms, anything may take once all is well again. */
const patience = 120_000;

/** One run: messages are sent while things go wrong, then all is made well, and what has arrived is judged. */
export async function runOne(path: Path, running: RunningPath, built: Built, plan: Plan): Promise<Result> {
  const begun = performance.now();
  const run = `f${plan.seed}-${process.pid}-${++serial}`;
  const folder = await mkdtemp(join(tmpdir(), 'junction-faults-'));
  const random = randomFrom(plan.seed + 1_000_000);
  const problems: string[] = [];
  const notes: string[] = [];
  const note = (what: string): void =>
    void notes.push(`${Math.round(performance.now() - begun)} ms: ${what}`);

  const ports = { listen: await freePort(), admin: await freePort() };
  const lines = {
    client: await new FaultProxy(running.other ?? ports.listen).open(),
    broker: await new FaultProxy(running.line.target).open(running.line.port),
  };
  const bench = await running.prepare(
    run,
    { listen: ports.listen, client: lines.client.port, broker: lines.broker.port },
    plan.targets,
    random,
  );
  const ledger = new Ledger(
    run,
    bench.to.map(({ address }) => address),
  );
  const admin = new Admin(ports.admin);
  const data = join(folder, 'data');
  await mkdir(data);
  const disk = new Disk(join(data, 'data.mdb'), join(folder, 'synced'));
  await writeConfiguration(folder, bench, plan, ports.admin);

  const armed = plan.faults.filter(({ kind }) => kind === 'crash' || kind === 'sync');
  const watchesDisk = plan.faults.some(({ kind }) => kind === 'sync' || kind === 'power loss');
  const chores: (() => Promise<unknown>)[] = [];
  const gateway = new GatewayProcess({
    main: built.main,
    config: join(folder, 'junction.yaml'),
    log: join(folder, 'gateway.log'),
    environment: () => ({
      ...armament(armed.shift()),
      ...(watchesDisk && built.powerLoss && { PRELOAD: built.powerLoss, ...disk.environment }),
    }),
    async beforeStart() {
      for (const chore of chores.splice(0)) await chore();
      if (watchesDisk) await disk.settle();
    },
    onSurprise: (what) => void problems.push(what),
  });

  const total = plan.keys * plan.count;
  const due = [...plan.faults];
  const underWay: Promise<void>[] = [];
  const queues = new Map<string, Promise<void>>();
  const victims: Victims = {
    gateway,
    admin,
    disk,
    brokers: running.brokers,
    lines,
    random,
    note,
    alone(victim, work) {
      const after = (queues.get(victim) ?? Promise.resolve()).then(work);
      queues.set(
        victim,
        after.catch(() => undefined),
      );
      return after;
    },
    beforeNextStart: (work) => void chores.push(work),
  };
  const onProgress = (): void => {
    while (due.length > 0 && ledger.acknowledged.size >= due[0]!.at) {
      const fault = due.shift()!;
      if (isArmed(fault)) continue;
      note(`${describe(fault)} at ${ledger.acknowledged.size} of ${total}`);
      underWay.push(inflict(fault, victims).then(() => note(`${fault.kind}: over`)));
    }
  };

  const keys = Array.from({ length: plan.keys }, (_, i) => `k${i}`);
  const loads = Array.from(
    { length: plan.clients },
    (_, client) =>
      new Load({
        ledger,
        keys: keys.filter((_, i) => i % plan.clients === client),
        count: plan.count,
        window: plan.window,
        sizeOf: (number) => (plan.poison > 0 && number % plan.poison === 7 ? poisonous + 5000 : plan.size),
        pace: plan.pace,
        connect: () => bench.connect(),
        onProgress,
      }),
  );
  const readings: Reading[] = [];
  const read = async (): Promise<void> => {
    for (const { address } of bench.to)
      readings.push(await bench.read(address, (body) => ledger.arrived(address, body)));
  };

  const letters = new Set<string>();
  const collect = async (): Promise<void> => {
    if (
      plan.route['dead_letter'] === undefined &&
      plan.route['spool'] === undefined &&
      path.source !== 'broker'
    )
      return;
    for (const { id, address, body } of await admin.deadLetters(letters)) {
      letters.add(id);
      ledger.buried(address, body);
    }
  };
  let deadLettered = 0;
  try {
    gateway.start();
    if (bench.reads === 'always') await read();
    await within(
      Promise.race([gateway.gaveUp, Promise.all(loads.map((load) => load.run()))]),
      'all is acknowledged',
      () => `${ledger.acknowledged.size} of ${total}`,
    );
    await within(Promise.all(underWay), 'the faults are over', () => notes.join('; '));
    if (bench.reads === 'at the end') await read();
    await until(
      async () => {
        if (ledger.missing().length === 0) return true;
        await collect().catch(() => undefined);
        return ledger.missing().length === 0;
      },
      'all that was acknowledged has arrived',
      () => `${ledger.missing().length} have not; ${JSON.stringify(ledger.missing().slice(0, 5))}`,
    );
    await until(
      async () =>
        collect().then(
          () => true,
          () => false,
        ),
      'dead letters can be read',
      () => '',
    );
    deadLettered = ledger.deadLettered;
    if (plan.replay && letters.size > 0) await replay();
  } catch (error) {
    problems.push((error as Error).message);
    note(`ready: ${(await admin.status())?.text ?? 'nobody answers'}`);
  }
  for (const load of loads) load.stop();
  await Promise.allSettled(underWay);
  for (const line of Object.values(lines)) line.set('pass');
  const code = await within(gateway.stop('SIGTERM'), 'it ends when it is told to', () => '').catch(
    async (error: Error) => {
      problems.push(error.message);
      return gateway.stop('SIGKILL');
    },
  );
  if (code !== 0 && problems.length === 0) problems.push(`told to end, it ended with ${code}`);
  for (const reading of readings) await reading.close().catch(() => undefined);
  for (const line of Object.values(lines)) await line.close();
  await bench.end().catch((error: Error) => note(`not cleaned up: ${error.message}`));

  if (existsSync(disk.file))
    await readStore(data, bench.to, ledger).catch((error: Error) =>
      problems.push(`the store: ${error.message}`),
    );

  const [lost, stuck] = [ledger.lost(), ledger.stuck()];
  for (const each of lost.slice(0, 20))
    problems.push(`lost: ${each.name} at ${each.target}, sent ${ledger.sent.get(each.name)} times`);
  if (stuck.length > 0)
    problems.push(`stuck in the spool: ${stuck.length}, the first ${stuck[0]!.name} for ${stuck[0]!.target}`);
  for (const each of ledger.strange.slice(0, 5)) problems.push(`nobody sent: ${each}`);
  for (const each of ledger.disorder().slice(0, 5)) problems.push(`out of order: ${each}`);
  const { duplicated } = ledger;
  const allowed = duplicatesAllowed(path, plan, ledger.resent, total);
  if (duplicated > allowed) problems.push(`${duplicated} duplicates, at most ${allowed} are allowed`);
  await writeFile(
    join(folder, 'notes.txt'),
    `${JSON.stringify(plan, null, 2)}\n${notes.join('\n')}\n${problems.join('\n')}\n`,
  );
  if (problems.length === 0) await rm(folder, { recursive: true, force: true });
  return {
    sent: ledger.sent.size,
    acknowledged: ledger.acknowledged.size,
    lost: lost.length,
    spooled: stuck.length,
    duplicated,
    deadLettered,
    took: performance.now() - begun,
    problems,
    folder,
  };

  /** Dead letters that were sent again must arrive as well. */
  async function replay(): Promise<void> {
    ledger.replaying = true;
    const { failed } = await admin.replay();
    if (failed > 0) return note(`${failed} dead letters failed again`);
    for (const dead of ledger.dead.values()) dead.clear();
    await until(
      async () => ledger.missing().length === 0,
      'all that was sent again has arrived',
      () => `${ledger.missing().length} have not`,
    );
  }
}

let serial = 0;

const isArmed = ({ kind }: Fault): boolean => kind === 'crash' || kind === 'sync';

function armament(fault: Fault | undefined): NodeJS.ProcessEnv {
  if (fault?.kind === 'crash') return { JUNCTION_CRASH_POINT: fault.point };
  if (fault?.kind === 'sync') return { FAULT_SYNC: fault.point };
  return {};
}

export function describe(fault: Fault): string {
  const { kind, at, ...rest } = fault;
  const words = Object.values(rest).join(' ');
  return `${kind}${words ? ` ${words}` : ''}@${at}`;
}

async function writeConfiguration(folder: string, bench: Bench, plan: Plan, admin: number): Promise<void> {
  const { endpoints, from, to } = bench;
  const configuration = {
    endpoints,
    routes: ['routes.yaml'],
    store: { path: join(folder, 'data') },
    admin: { listen: `127.0.0.1:${admin}` },
  };
  const route = Object.fromEntries(Object.entries(plan.route).filter(([, value]) => value !== undefined));
  await writeFile(join(folder, 'junction.yaml'), stringify(configuration, { aliasDuplicateObjects: false }));
  await writeFile(
    join(folder, 'routes.yaml'),
    stringify({ routes: [{ name: 'under-test', from, to, ...route }] }),
  );
}

async function until(condition: () => Promise<boolean>, what: string, state: () => string): Promise<void> {
  const end = performance.now() + patience;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`not so after ${patience / 1000} s: ${what}: ${state()}`);
    await pause(50);
  }
}

async function within<T>(work: Promise<T>, what: string, state: () => string): Promise<T> {
  const giveUp = new AbortController();
  const late = pause(patience, undefined, { signal: giveUp.signal }).then(
    () => {
      throw new Error(`not so after ${patience / 1000} s: ${what}: ${state()}`);
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([work, late]);
  } finally {
    giveUp.abort();
  }
}
