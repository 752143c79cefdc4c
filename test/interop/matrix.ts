import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Inbox, Peer } from '../contract/contract.ts';
import { startGateway, type RunningGateway } from '../e2e/gateway.ts';
import { until } from '../until.ts';
import { differences, expected, letters, type Letter } from './letters.ts';
import type { System } from './system.ts';
import { home, wholeCell, wholeRoutes, wholeWord, type WholeCell } from './whole.ts';

/** What became of the messages from one source to one target. */
export interface Cell {
  readonly source: System;
  readonly target: System;
  /** What the target's traits say is lost of what was sent, and was. */
  readonly declared: readonly string[];
  /** What is wrong beyond that, in words. */
  readonly wrong: readonly string[];
}

/** How long, in ms, all messages of one cell may take. */
const patience = 20_000;

const wordOf = (source: System, target: System, end: 'in' | 'out'): string =>
  `${source.name}-to-${target.name}-${end}`;

/** What `runMatrix` found. */
export interface Findings {
  readonly cells: readonly Cell[];
  /** Of whole messages, at each broker. */
  readonly whole: readonly WholeCell[];
}

/** Sends messages from every system to every system through one gateway, and whole messages to every broker and back. */
export async function runMatrix(systems: readonly System[], log: (line: string) => void): Promise<Findings> {
  const pairs = systems.flatMap((source) => systems.map((target) => ({ source, target })));
  const brokers = systems.filter(({ role }) => role === 'client');
  const folder = await mkdtemp(join(tmpdir(), 'junction-interop-'));
  const peers: Peer[] = [];
  let gateway: RunningGateway | undefined;
  try {
    log('starting the brokers');
    await Promise.all(
      systems.map((system) =>
        system.start([
          ...systems.map((target) => system.address(wordOf(system, target, 'in'))),
          ...systems.map((source) => system.address(wordOf(source, system, 'out'))),
          system.address(wholeWord(system)),
        ]),
      ),
    );
    await writeFile(
      join(folder, 'routes.yaml'),
      stringify({ routes: [...pairs.map(routeOf), ...brokers.flatMap(wholeRoutes)] }),
    );
    await writeFile(join(folder, 'junction.yaml'), stringify(configurationOf(systems, join(folder, 'data'))));
    log('starting the gateway');
    gateway = await startGateway({ config: join(folder, 'junction.yaml') });
    await ready(gateway);
    const connect = async (): Promise<Map<System, Peer>> => {
      const connected = new Map<System, Peer>();
      for (const system of systems) {
        const peer = await system.connect(system.role === 'listener' ? gateway!.port(system.name) : 0);
        peers.push(peer);
        connected.set(system, peer);
      }
      return connected;
    };
    const [receivers, senders] = [await connect(), await connect()];
    log('subscribing');
    const inboxes = await Promise.all(
      pairs.map(({ source, target }) =>
        receivers.get(target)!.subscribe(target.address(wordOf(source, target, 'out'))),
      ),
    );
    const cells: Cell[] = [];
    for (const source of systems) {
      log(`from ${source.name}`);
      cells.push(
        ...(await Promise.all(
          systems.map((target) =>
            cellOf(
              source,
              target,
              senders.get(source)!,
              inboxes[pairs.findIndex((pair) => pair.source === source && pair.target === target)]!,
            ),
          ),
        )),
      );
    }
    const whole: WholeCell[] = [];
    for (const broker of brokers) {
      log(`whole messages by ${broker.name}`);
      whole.push(await wholeCell(broker, gateway.port(home)));
    }
    return { cells, whole };
  } catch (error) {
    log(gateway?.output() ?? '');
    throw error;
  } finally {
    await Promise.allSettled(peers.map((peer) => peer.close()));
    await gateway?.stop();
    await Promise.all(systems.map((system) => system.stop()));
    await rm(folder, { recursive: true });
  }
}

const routeOf = ({ source, target }: { source: System; target: System }) => ({
  name: `${source.name}-to-${target.name}`,
  from: { endpoint: source.name, address: source.address(wordOf(source, target, 'in')) },
  to: [{ endpoint: target.name, address: target.address(wordOf(source, target, 'out')) }],
});

const configurationOf = (systems: readonly System[], store: string) => ({
  endpoints: Object.fromEntries<unknown>([
    ...systems.map((system) => [system.name, system.settings()] as const),
    [home, { type: 'amqp', listen: '127.0.0.1:0' }],
  ]),
  routes: ['routes.yaml'],
  admin: { listen: '127.0.0.1:0' },
  store: { path: store },
});

async function ready(gateway: RunningGateway): Promise<void> {
  const url = `http://127.0.0.1:${gateway.port('admin')}/readyz`;
  await until(async () => (await fetch(url)).ok, 'the gateway is ready', 60_000);
}

async function cellOf(source: System, target: System, peer: Peer, inbox: Inbox): Promise<Cell> {
  const sent = letters(source.traits);
  const address = source.address(wordOf(source, target, 'in'));
  const wrong: string[] = [];
  for (const { about, message } of sent) {
    const answer = await peer.publish(address, message);
    if (answer !== 'accepted') wrong.push(`${about}: the sender was told ${answer}`);
  }
  await until(() => inbox.messages.length >= sent.length, 'all have come', patience).catch(() => undefined);
  return { source, target, ...judge(sent, inbox, source, target, wrong) };
}

function judge(
  sent: readonly Letter[],
  { messages }: Inbox,
  source: System,
  target: System,
  wrong: string[],
): Pick<Cell, 'declared' | 'wrong'> {
  const declared = new Set<string>();
  const left = [...messages];
  let ordered = true;
  for (const { about, message } of sent) {
    const at = left.findIndex(({ body }) => body.equals(message.body));
    if (at < 0) {
      wrong.push(`${about}: lost`);
      continue;
    }
    if (at > 0) ordered = false;
    const got = left.splice(at, 1)[0]!;
    const want = expected(message, target.traits);
    wrong.push(
      ...differences(want, got, target.traits.controlCharacters !== undefined).map(
        (difference) => `${about}: ${difference}`,
      ),
    );
    if (about === 'headers' && target.traits.controlCharacters && !source.traits.controlCharacters)
      declared.add('line breaks');
    if (about === 'repeats' && want.headers!.length < message.headers!.length) declared.add('repeats');
    for (const field of ['contentType', 'correlationId', 'replyTo'] as const)
      if (message[field] !== want[field]) declared.add(field);
  }
  if (left.length > 0) wrong.push(`${left.length} more came than were sent`);
  if (source.traits.unordered || target.traits.unordered) declared.add('order');
  else if (!ordered) wrong.push('out of order');
  return { declared: [...declared], wrong: [...new Set(wrong)] };
}
