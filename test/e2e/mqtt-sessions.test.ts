import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { connect, type MqttClient } from 'mqtt';
import { until } from '../helpers.ts';
import { startGateway, type RunningGateway } from './gateway.ts';

/** Whoever has a session, and what it has got. */
interface Subscriber {
  readonly name: string;
  readonly got: string[];
  /** Whether its session was there, at each of its connections but the first. */
  readonly present: boolean[];
  close(): Promise<void>;
}

const topics = ['t/a', 't/b', 't/c'];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * A gateway that is the same one again after each start.
 * @param grace how long a stop waits for acknowledgements, too
 */
async function durableGateway(
  t: TestContext,
  grace: string,
): Promise<{ readonly port: number; readonly start: () => Promise<RunningGateway> }> {
  const folder = await mkdtemp(join(tmpdir(), 'junction-mqtt-sessions-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  const config = join(folder, 'junction.yaml');
  await writeFile(
    config,
    `endpoints:
  mqtt: { type: mqtt, listen: "127.0.0.1:${port}", durable: true, grace: ${grace} }
routes: []
admin: { listen: "127.0.0.1:0" }
store: { path: ${join(folder, 'store')} }
`,
  );
  return {
    port,
    async start() {
      const gateway = await startGateway({ config });
      t.after(() => void gateway.child.kill('SIGKILL'));
      return gateway;
    },
  };
}

/** mqtt.js; with `restless` it goes and comes back all the time. */
async function jsSubscriber(port: number, version: 4 | 5, restless: boolean): Promise<Subscriber> {
  const got: string[] = [];
  const present: boolean[] = [];
  const name = `js${version}${restless ? '-restless' : ''}`;
  const client = connect(`mqtt://127.0.0.1:${port}`, {
    clientId: name,
    clean: false,
    protocolVersion: version,
    reconnectPeriod: 50,
    resubscribe: false,
    ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
  });
  client.on('error', () => undefined);
  client.on('message', (topic, body) => {
    got.push(`${topic} ${body.toString()}`);
    if (restless && got.length % 97 === 0) client.stream.destroy();
  });
  await new Promise((resolve) => client.once('connect', resolve));
  client.on('connect', ({ sessionPresent }) => present.push(sessionPresent));
  await client.subscribeAsync('t/#', { qos: 1 });
  return { name, got, present, close: () => client.endAsync(true) };
}

async function mosquittoSubscriber(port: number, version: 4 | 5, qos: 1 | 2): Promise<Subscriber> {
  const got: string[] = [];
  const name = `mosquitto${version}-${qos}`;
  const args = ['-h', '127.0.0.1', '-p', String(port), '-i', name, '-c', '-t', 't/#', '-q', String(qos)];
  if (version === 5) args.push('-V', 'mqttv5', '-x', '3600');
  let child: ChildProcess;
  let subscribed = false;
  let closing = false;
  const begin = (): void => {
    child = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...args, '-F', '%t %p', '-d']);
    let rest = '';
    child.stdout!.on('data', (chunk) => {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop()!;
      for (const line of lines) {
        if (line.startsWith('t/')) got.push(line);
        if (line.startsWith('Subscribed')) subscribed = true;
      }
    });
    // it ends when an MQTT 5 server says that it shuts down
    child.once('close', () => !closing && begin());
  };
  begin();
  await until(() => subscribed, `${name} has subscribed`);
  return {
    name,
    got,
    present: [],
    async close() {
      closing = true;
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Publishes numbers to its topic, in order, with some under way at a time; sends again what was not acknowledged. */
class Publisher {
  readonly topic: string;
  readonly acknowledged: number[] = [];
  readonly #client: MqttClient;
  #next = 0;
  #underWay = 0;
  #stopped = false;

  constructor(port: number, topic: string, version: 4 | 5) {
    this.topic = topic;
    this.#client = connect(`mqtt://127.0.0.1:${port}`, {
      clientId: `publisher-${topic}`,
      clean: false,
      protocolVersion: version,
      reconnectPeriod: 50,
      ...(version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
    });
    this.#client.on('error', () => undefined);
    this.#fill();
  }

  get settled(): boolean {
    return this.#underWay === 0;
  }

  stop(): void {
    this.#stopped = true;
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
  }

  #fill(): void {
    while (!this.#stopped && this.#underWay < 10) {
      const number = ++this.#next;
      this.#underWay++;
      this.#client.publish(this.topic, String(number), { qos: 1 }, (error) => {
        this.#underWay--;
        if (!error) this.acknowledged.push(number);
        setImmediate(() => this.#fill());
      });
    }
  }
}

const total = (publishers: readonly Publisher[]): number =>
  publishers.reduce((sum, { acknowledged }) => sum + acknowledged.length, 0);

/** A generator of numbers from 0 to 1 that a seed reproduces. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 0x1_0000_0000;
  };
}

async function finish(publishers: readonly Publisher[], subscribers: readonly Subscriber[]): Promise<void> {
  for (const publisher of publishers) publisher.stop();
  await until(() => publishers.every(({ settled }) => settled), 'all is acknowledged', 120_000);
  const expected = new Set(
    publishers.flatMap(({ topic, acknowledged }) => acknowledged.map((n) => `${topic} ${n}`)),
  );
  for (const { name, got } of subscribers) {
    const missing = (): number => {
      const there = new Set(got);
      return [...expected].filter((each) => !there.has(each)).length;
    };
    await until(() => got.length >= expected.size && missing() === 0, `${name} has everything`, 60_000).catch(
      () => assert.fail(`${name}: ${missing()} of ${expected.size} are lost, ${got.length} came`),
    );
  }
}

/** Each number of a topic comes for the first time after those before it. */
function assertOrder({ name, got }: Subscriber): void {
  for (const topic of topics) {
    const numbers = got.filter((each) => each.startsWith(`${topic} `)).map((each) => Number(each.slice(4)));
    const firsts = [...new Set(numbers)];
    const at = firsts.findIndex((n, i) => i > 0 && n < firsts[i - 1]!);
    assert.equal(at, -1, `${name}, ${topic}: …${firsts.slice(Math.max(0, at - 3), at + 3).join(' ')}…`);
  }
}

async function load(port: number): Promise<{ subscribers: Subscriber[]; publishers: Publisher[] }> {
  const subscribers = [
    await jsSubscriber(port, 4, false),
    await jsSubscriber(port, 5, false),
    await jsSubscriber(port, 5, true),
    await mosquittoSubscriber(port, 4, 1),
    await mosquittoSubscriber(port, 5, 2),
  ];
  return { subscribers, publishers: topics.map((topic, i) => new Publisher(port, topic, i % 2 ? 4 : 5)) };
}

describe('MQTT sessions of a gateway that ends', { timeout: 600_000 }, () => {
  it('by kill -9 under load: all that was acknowledged arrives, in order, and sessions are present', async (t) => {
    const seed = Date.now() % 100_000;
    t.diagnostic(`seed ${seed}`);
    const random = randomFrom(seed);
    const { port, start } = await durableGateway(t, '100ms');
    let gateway = await start();
    const { subscribers, publishers } = await load(port);
    const kills = 6;
    for (let kill = 0; kill < kills; kill++) {
      const enough = total(publishers) + 100 + Math.floor(random() * 500);
      await until(() => total(publishers) >= enough, `${enough} are acknowledged`, 120_000);
      await gateway.stop('SIGKILL');
      gateway = await start();
    }
    const enough = total(publishers) + 300;
    await until(() => total(publishers) >= enough, 'it goes on', 120_000);
    await finish(publishers, subscribers);
    for (const subscriber of subscribers) {
      if (!subscriber.name.endsWith('-2')) assertOrder(subscriber);
      assert.ok(subscriber.present.every(Boolean), `${subscriber.name}: a session was not there`);
    }
    for (const { name, present } of subscribers.slice(0, 3))
      assert.ok(present.length >= kills, `${name} came back ${present.length} times`);
    const repeats = subscribers.map(({ name, got }) => `${name} ${got.length - new Set(got).size}`);
    t.diagnostic(`${total(publishers)} messages, repeats: ${repeats.join(', ')}`);
    for (const each of [...subscribers, ...publishers]) await each.close();
  });

  it('by SIGTERM under load: nothing is lost, and nothing comes twice', async (t) => {
    const { port, start } = await durableGateway(t, '20s');
    let gateway = await start();
    const { subscribers, publishers } = await load(port);
    for (let stop = 0; stop < 3; stop++) {
      const enough = total(publishers) + 300;
      await until(() => total(publishers) >= enough, `${enough} are acknowledged`, 120_000);
      assert.equal(await gateway.stop('SIGTERM'), 0);
      gateway = await start();
    }
    await finish(publishers, subscribers);
    for (const subscriber of subscribers) {
      assertOrder(subscriber);
      const { name, got } = subscriber;
      // who cuts its own connection may lose acknowledgements with it
      if (!name.endsWith('restless')) assert.equal(new Set(got).size, got.length, `${name} got repeats`);
    }
    for (const each of [...subscribers, ...publishers]) await each.close();
  });
});
