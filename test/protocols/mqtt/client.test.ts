import assert from 'node:assert/strict';
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import mqtt from 'mqtt';
import { parsePattern } from '../../../src/core/address.ts';
import { envelope, type Envelope } from '../../../src/core/envelope.ts';
import { JunctionError } from '../../../src/core/errors.ts';
import { accepted, type Outcome } from '../../../src/core/outcome.ts';
import type { Intake } from '../../../src/core/protocol.ts';
import { mqttAddress } from '../../../src/protocols/mqtt/address.ts';
import { MqttBrokerClient } from '../../../src/protocols/mqtt/client.ts';
import { mqttClientConfig } from '../../../src/protocols/mqtt/client/config.ts';
import { startMosquitto, unavailable, until, type Broker } from '../../brokers/index.ts';

const run = promisify(execFile);
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const text = ({ body }: Envelope): string => Buffer.from(body ?? '').toString();
const message = (body: string, more: Partial<Envelope> = {}): Envelope =>
  envelope({ address: 'in', body: Buffer.from(body), ...more });
const refuse = (state: 'released' | 'rejected'): Outcome => ({
  state,
  error: new JunctionError(state === 'released' ? 'unavailable' : 'refused', 'not now'),
});

const intake = (patterns: readonly string[], deliver: (envelope: Envelope) => Promise<Outcome>): Intake => ({
  patterns: patterns.map((pattern) => parsePattern(pattern, mqttAddress)),
  readerOf: () => 'route',
  deliver,
});

const codeOf = (sending: Promise<void>): Promise<string> =>
  sending.then(
    () => 'sent',
    (error: unknown) => (error as JunctionError).code,
  );

let names = 0;
const opened: MqttBrokerClient[] = [];

async function openClient(broker: Broker, config: object = {}): Promise<MqttBrokerClient> {
  const client = new MqttBrokerClient(
    mqttClientConfig.parse({ url: `mqtt://${broker.at}`, client_id: `junction-${names++}`, ...config }),
    { name: 'broker', log: quiet },
  );
  await client.open();
  opened.push(client);
  await until(() => client.status().state === 'ready', 'the client is ready');
  return client;
}

describe('an MQTT broker', { skip: await unavailable('mosquitto'), timeout: 120_000 }, () => {
  let broker: Broker;
  before(async () => {
    broker = await startMosquitto({
      config: [
        'max_inflight_messages 100',
        'message_size_limit 100000',
        // beyond 1,000, its default, it drops what waits for a reader that comes back later than the writer
        'max_queued_messages 10000',
      ],
    });
  });
  after(async () => {
    await Promise.all(opened.map((client) => client.close()));
    await broker.stop();
  });

  const publish = (topic: string, body: string, ...more: string[]) =>
    run('mosquitto_pub', ['-V', '5', '-p', String(broker.port), '-q', '1', '-t', topic, '-m', body, ...more]);

  /** mosquitto_sub, and the lines it has printed. */
  async function subscriber(
    topic: string,
    ...more: string[]
  ): Promise<{ lines: string[]; process: ChildProcess }> {
    const args = ['-V', '5', '-p', String(broker.port), '-q', '1', '-t', topic, '-d', ...more];
    const process = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...args], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const lines: string[] = [];
    let subscribed = false;
    process.stdout.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n')) {
        if (line.startsWith('Subscribed')) subscribed = true;
        else if (line.startsWith('>')) lines.push(line.slice(1));
      }
    });
    await until(() => subscribed);
    return { lines, process };
  }

  for (const version of [5, 4])
    test(`as target, version ${version}: resolves when a subscriber can have it`, async () => {
      const client = await openClient(broker, { version });
      const peer = await subscriber('out/#', '-F', '>%t|%p|%q');
      try {
        await Promise.all(
          Array.from({ length: 500 }, (_, i) => client.sink.send(message(String(i)), `out/${i % 2}`)),
        );
        await until(() => peer.lines.length === 500);
        assert.deepEqual(
          peer.lines,
          Array.from({ length: 500 }, (_, i) => `out/${i % 2}|${i}|1`),
        );
      } finally {
        peer.process.kill();
        await client.close();
      }
    });

  test('as target: properties arrive, in order and with repeats', async () => {
    const client = await openClient(broker);
    const peer = mqtt.connect(`mqtt://${broker.at}`, { protocolVersion: 5 });
    try {
      const got: mqtt.IPublishPacket[] = [];
      peer.on('message', (_topic, _payload, packet) => got.push(packet));
      await peer.subscribeAsync('props', { qos: 1 });
      await client.sink.send(
        message('x', {
          contentType: 'text/plain',
          correlationId: 'c-1',
          replyTo: 'answers/1',
          headers: [
            ['a', '1'],
            ['b', '2'],
            ['a', '3'],
          ],
        }),
        'props',
      );
      await until(() => got.length === 1);
      const { contentType, correlationData, responseTopic, userProperties } = got[0]!.properties!;
      assert.equal(contentType, 'text/plain');
      assert.deepEqual(correlationData, Buffer.from('c-1'));
      assert.equal(responseTopic, 'answers/1');
      assert.deepEqual({ ...userProperties }, { a: ['1', '3'], b: '2' });
    } finally {
      await peer.endAsync();
      await client.close();
    }
  });

  test('as target: what the broker does not take is refused by name', async () => {
    const client = await openClient(broker);
    try {
      assert.equal(await codeOf(client.sink.send(message('x'), 'a/+/b')), 'invalid-message');
      assert.equal(await codeOf(client.sink.send(message('x', { expiresAt: 1 }), 'late')), 'expired');
    } finally {
      await client.close();
      assert.equal(await codeOf(client.sink.send(message('x'), 'late')), 'closed');
    }
  });

  test('as source: nothing is acknowledged before its outcome; after a reconnect it comes again', async () => {
    const config = { client_id: 'not-before', window: 5 };
    const first = await openClient(broker, config);
    const held: string[] = [];
    let release!: (outcome: Outcome) => void;
    const never = new Promise<Outcome>((resolve) => (release = resolve));
    await first.source.start(
      intake(['plants/{plant}/temperature'], (incoming) => {
        held.push(text(incoming));
        return never;
      }),
    );
    for (let i = 0; i < 20; i++) await publish(`plants/p${i}/temperature`, String(i));
    await until(() => held.length === 5);
    // The line is alive though all are unacknowledged, and no more than the window came.
    assert.equal(first.status().state, 'ready');
    const closing = first.close();
    release(refuse('released'));
    await closing;
    assert.equal(held.length, 5);

    const second = await openClient(broker, config);
    const got: string[] = [];
    await second.source.start(
      intake(['plants/{plant}/temperature'], (incoming) => {
        got.push(text(incoming));
        return Promise.resolve(accepted);
      }),
    );
    await until(() => got.length === 20);
    assert.deepEqual(
      got,
      Array.from({ length: 20 }, (_, i) => String(i)),
    );
    await second.close();

    const third = await openClient(broker, config);
    const rest: string[] = [];
    await third.source.start(
      intake(['plants/{plant}/temperature'], (incoming) => {
        rest.push(text(incoming));
        return Promise.resolve(accepted);
      }),
    );
    await publish('plants/x/temperature', 'end');
    await until(() => rest.includes('end'));
    assert.deepEqual(rest, ['end'], 'what was acknowledged does not come again');
    await third.close();
  });

  for (const [version, qos] of [
    [5, 1],
    [5, 2],
    [4, 1],
    [4, 2],
  ] as const)
    test(`as source, version ${version} QoS ${qos}: released messages are tried again, each arrives once`, async () => {
      const client = await openClient(broker, { version, qos });
      const topic = `again/${version}/${qos}`;
      const tries = new Map<string, number>();
      const done: string[] = [];
      try {
        await client.source.start(
          intake([topic], (incoming) => {
            const tried = (tries.get(text(incoming)) ?? 0) + 1;
            tries.set(text(incoming), tried);
            assert.equal(incoming.deliveryCount, tried - 1);
            if (text(incoming) === 'b' && tried < 3) return Promise.resolve(refuse('released'));
            done.push(text(incoming));
            return Promise.resolve(accepted);
          }),
        );
        const peer = mqtt.connect(`mqtt://${broker.at}`);
        for (const body of ['a', 'b', 'c', 'd']) await peer.publishAsync(topic, body, { qos });
        await until(() => done.includes('b') && done.includes('d'));
        await peer.endAsync();
        assert.equal(tries.get('b'), 3);
        assert.deepEqual(done.slice().sort(), ['a', 'b', 'c', 'd']);
        assert.equal(client.status().state, 'ready');
      } finally {
        await client.close();
      }
    });

  test('as source: a rejected message is refused with MQTT 5 and does not come again', async () => {
    const client = await openClient(broker, { client_id: 'rejects' });
    const seen: string[] = [];
    await client.source.start(
      intake(['rejected'], (incoming) => {
        seen.push(text(incoming));
        return Promise.resolve(text(incoming) === 'bad' ? refuse('rejected') : accepted);
      }),
    );
    await publish('rejected', 'bad');
    await publish('rejected', 'good');
    await until(() => seen.includes('good'));
    assert.equal(client.status().state, 'ready');
    await client.close();
    const again = await openClient(broker, { client_id: 'rejects' });
    const rest: string[] = [];
    await again.source.start(
      intake(['rejected'], (incoming) => {
        rest.push(text(incoming));
        return Promise.resolve(accepted);
      }),
    );
    await publish('rejected', 'end');
    await until(() => rest.includes('end'));
    assert.deepEqual(rest, ['end']);
    await again.close();
  });

  test('a restart of the broker loses nothing that was acknowledged, and needs no restart of ours', async () => {
    const total = 3000;
    const reader = await openClient(broker, { client_id: 'restart-reader' });
    const writer = await openClient(broker, { client_id: 'restart-writer', timeout: '60s' });
    const got = new Set<string>();
    try {
      await reader.source.start(
        intake(['restart'], async (incoming) => {
          await new Promise(setImmediate);
          got.add(text(incoming));
          return accepted;
        }),
      );
      const acknowledged: string[] = [];
      let next = 0;
      let restart: Promise<void> | undefined;
      const worker = async (): Promise<void> => {
        while (next < total) {
          const body = String(next++);
          await writer.sink.send(message(body), 'restart');
          acknowledged.push(body);
          // SIGTERM: Mosquitto writes its store only then
          if (acknowledged.length > total / 3) restart ??= broker.restart('SIGTERM');
        }
      };
      await Promise.all(Array.from({ length: 50 }, worker));
      await restart;
      assert.equal(acknowledged.length, total);
      await until(() => acknowledged.every((body) => got.has(body)), 'all acknowledged arrive');
    } finally {
      await writer.close();
      await reader.close();
    }
  });

  test('while the broker is away senders are told in time', async () => {
    const client = await openClient(broker, { timeout: '300ms' });
    try {
      await broker.kill('SIGKILL');
      await until(() => client.status().state === 'failing');
      assert.equal(await codeOf(client.sink.send(message('x'), 'away')), 'unavailable');
      assert.match(client.status().reason ?? '', /ECONNREFUSED|connection/);
    } finally {
      await broker.start();
    }
    await until(() => client.status().state === 'ready');
    assert.equal(await codeOf(client.sink.send(message('x'), 'away')), 'sent');
    await client.close();
  });

  test('a broker that stops answering fails senders with an unknown outcome', async () => {
    const client = await openClient(broker, { timeout: '300ms' });
    try {
      broker.signal('SIGSTOP');
      assert.equal(await codeOf(client.sink.send(message('x'), 'frozen')), 'timeout');
    } finally {
      broker.signal('SIGCONT');
    }
    await until(async () => (await codeOf(client.sink.send(message('y'), 'frozen'))) === 'sent');
    await client.close();
  });
});

describe(
  'an MQTT broker that authenticates',
  { skip: await unavailable('mosquitto'), timeout: 30_000 },
  () => {
    test('a refused user is told in the status, over WebSocket too', async () => {
      const port = await (await import('../../brokers/index.ts')).freePort();
      const broker = await startMosquitto({
        config: [`listener ${port} 127.0.0.1`, 'protocol websockets', 'allow_anonymous true'],
      });
      const secured = await startMosquitto({
        config: ['per_listener_settings false', 'allow_anonymous false'],
      });
      const refused = new MqttBrokerClient(
        mqttClientConfig.parse({ url: `mqtt://${secured.at}`, username: 'u', password: 'secret-word' }),
        { name: 'broker', log: quiet },
      );
      const overWebSocket = new MqttBrokerClient(
        mqttClientConfig.parse({ url: `ws://127.0.0.1:${port}/mqtt` }),
        {
          name: 'broker',
          log: quiet,
        },
      );
      try {
        await refused.open();
        await until(() => refused.status().state === 'failing');
        assert.match(refused.status().reason ?? '', /Not authorized/i);
        assert.doesNotMatch(JSON.stringify(refused.status()), /secret-word/);
        await overWebSocket.open();
        await until(() => overWebSocket.status().state === 'ready');
        await overWebSocket.sink.send(message('x'), 'ws');
      } finally {
        await refused.close();
        await overWebSocket.close();
        await broker.stop();
        await secured.stop();
      }
    });
  },
);
