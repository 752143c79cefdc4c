import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IPublishPacket } from 'mqtt-packet';
import { Store } from '../../../src/store/store.ts';
import { keptLog, until } from '../../helpers.ts';
import { closeAll, openListener, type Bench, type Raw, type Version } from './support.ts';

/** A listener whose sessions are on a disk of its own. */
export interface Kept {
  readonly bench: Bench;
  readonly store: Store;
  /** Ends it in order and starts it again. */
  restart(): Promise<Kept>;
  /** Starts another one on what the disk has at this moment, as if this one had been killed. */
  afterKill(): Promise<Kept>;
  /** What the disk has: records and queues. */
  readonly names: { readonly values: string[]; readonly queues: Map<string, number> };
}

const ends: (() => Promise<void>)[] = [];

/** Closes every listener, client and store of a test, and removes the stores. */
export async function endAll(): Promise<void> {
  await closeAll();
  for (const end of ends.splice(0).reverse()) await end();
}

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'junction-sessions-'));
  ends.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function openKept(settings: Record<string, unknown> = {}, folder?: string): Promise<Kept> {
  const where = folder ?? (await newFolder());
  const store = new Store({ folder: where, damaged: 'refuse' }, keptLog());
  await store.open();
  ends.push(() => store.close());
  const bench = await openListener({ durable: true, ...settings }, store.endpoint('mqtt'));
  return {
    bench,
    store,
    async restart() {
      await bench.endpoint.source.stop();
      await bench.endpoint.close();
      await store.close();
      return openKept(settings, where);
    },
    async afterKill() {
      const copy = await newFolder();
      await copyFile(join(where, 'data.mdb'), join(copy, 'data.mdb'));
      return openKept(settings, copy);
    },
    get names() {
      const storage = store.endpoint('mqtt');
      return {
        values: [...storage.entries().keys()].filter((name) => name !== 'clock'),
        queues: new Map([...storage.queues()].map(([name, { messages }]) => [name, messages])),
      };
    },
  };
}

/** What a client must say so that its session outlives its connection. */
export const lasting = (version: Version, clientId: string, seconds = 1000): object => ({
  clean: false,
  clientId,
  ...(version === 5 ? { properties: { sessionExpiryInterval: seconds } } : {}),
});

/** Connects, and tells whether the session was there. */
export async function reconnect(bench: Bench, version: Version, clientId: string): Promise<[Raw, boolean]> {
  const client = await bench.connected(version, lasting(version, clientId));
  const connack = client.packets[0]!;
  assert.ok(connack.cmd === 'connack');
  return [client, connack.sessionPresent];
}

/** Subscribes; resolves after the SUBACK. */
export async function subscribe(
  client: Raw,
  topic: string,
  qos: 0 | 1 | 2,
  over: object = {},
  properties?: object,
): Promise<void> {
  const subscription = { topic, qos, nl: false, rap: false, rh: 0 as const, ...over };
  client.send({
    cmd: 'subscribe',
    messageId: 9,
    subscriptions: [subscription],
    ...(properties ? { properties } : {}),
  });
  const { granted } = await client.next('suback');
  assert.deepEqual([...granted], [qos]);
}

/** Publishes one message after the other's acknowledgement. */
export async function publishAll(
  bench: Bench,
  topic: string,
  bodies: readonly string[],
  qos: 1 | 2 = 1,
): Promise<void> {
  const client = await bench.client(4, { clean: true });
  for (const body of bodies) await client.publishAsync(topic, body, { qos });
  await client.endAsync();
}

export const bodyOf = ({ payload }: IPublishPacket): string => payload.toString();

/** Acknowledges messages as they come until this one has come; returns their bodies. */
export async function takeUntil(client: Raw, last: string): Promise<string[]> {
  const bodies: string[] = [];
  let seen = 0;
  const done = (): boolean => {
    for (; seen < client.packets.length; seen++) {
      const packet = client.packets[seen]!;
      if (packet.cmd === 'publish') {
        bodies.push(bodyOf(packet));
        if (packet.qos > 0)
          client.send({ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId! });
      } else if (packet.cmd === 'pubrel') {
        client.send({ cmd: 'pubcomp', messageId: packet.messageId! });
      }
    }
    return bodies.includes(last);
  };
  await until(done, `a message "${last}" after ${JSON.stringify(bodies)}`);
  return bodies;
}

export const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
