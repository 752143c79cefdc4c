import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startKafka, startMosquitto, unavailable, type Broker } from '../brokers/index.ts';
import type { Peer } from '../contract/contract.ts';
import { connectAmqp } from '../contract/harness/amqp.ts';
import { connectKafka, createTopics } from '../contract/harness/kafka.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { connectStomp } from '../contract/harness/stomp.ts';
import { until } from '../helpers.ts';
import { startGateway, type RunningGateway } from './gateway.ts';

const skip = (await unavailable('kafka')) || (await unavailable('mosquitto'));

describe('the gateway at a real Kafka and a real Mosquitto', { skip }, () => {
  let data: string;
  let kafka: Broker;
  let mosquitto: Broker;
  let gateway: RunningGateway;
  const peers: Peer[] = [];
  const kept = (peer: Peer): Peer => {
    peers.push(peer);
    return peer;
  };
  const isReady = async () => (await fetch(`http://127.0.0.1:${gateway.port('admin')}/readyz`)).ok;

  before(async () => {
    [kafka, mosquitto] = await Promise.all([startKafka(), startMosquitto()]);
    await createTopics(kafka, ['telemetry', 'alerts', 'machines']);
    data = await mkdtemp(join(tmpdir(), 'junction-data-'));
    gateway = await startGateway({
      config: 'test/e2e/two-brokers/config.yaml',
      env: { KAFKA_BROKER: kafka.at, WORKSHOP_URL: `mqtt://${mosquitto.at}`, JUNCTION_DATA: data },
    });
    await until(isReady, 'the gateway is ready', 60_000);
  });
  after(async () => {
    for (const peer of peers) await peer.close();
    assert.equal(await gateway.stop(), 0);
    await rm(data, { recursive: true });
    await Promise.all([kafka.stop(), mosquitto.stop()]);
  });

  it('carries telemetry from MQTT to Kafka, with its properties', async () => {
    const inbox = await kept(await connectKafka(kafka)).subscribe('telemetry');
    const device = kept(await connectMqtt(gateway.port('mqtt'), 5));
    const sent = {
      body: Buffer.from([0, 255]),
      headers: [['line', 'A7']] as const,
      contentType: 'a/b',
      correlationId: 'c',
    };
    assert.equal(await device.publish('plants/p1/telemetry', sent), 'accepted');
    await until(() => inbox.messages.length === 1, 'Kafka has it', 30_000);
    assert.deepEqual(inbox.messages[0], { ...sent, replyTo: undefined });
  });

  it('carries alerts from Kafka to AMQP and STOMP', async () => {
    const inboxes = [
      await kept(await connectAmqp(gateway.port('amqp'))).subscribe('alerts'),
      await kept(await connectStomp(gateway.port('stomp'), '1.2')).subscribe('/topic/alerts'),
    ];
    const sent = { body: Buffer.from('hot'), headers: [['line', 'A7']] as const, contentType: 'text/x' };
    await kept(await connectKafka(kafka)).publish('alerts', sent);
    for (const inbox of inboxes) {
      await until(() => inbox.messages.length === 1, 'the alert has come', 30_000);
      assert.deepEqual(inbox.messages[0], { ...sent, correlationId: undefined, replyTo: undefined });
    }
  });

  it('carries what machines tell their own broker to Kafka and to our clients', async () => {
    const screen = await kept(await connectMqtt(gateway.port('mqtt'), 5)).subscribe(
      'plants/workshop/machines/m7',
    );
    const archive = await kept(await connectKafka(kafka)).subscribe('machines');
    const sent = { body: Buffer.from('running'), headers: [['shift', 'late']] as const };
    assert.equal(
      await kept(await connectMqtt(mosquitto.port, 5)).publish('machines/m7/state', sent),
      'accepted',
    );
    for (const inbox of [screen, archive]) {
      await until(() => inbox.messages.length === 1, 'the state has come', 30_000);
      assert.deepEqual(inbox.messages[0]!.body, sent.body);
      assert.deepEqual(inbox.messages[0]!.headers, sent.headers);
    }
  });

  for (const version of [5, 4] as const)
    it(
      `loses nothing it has acknowledged to MQTT level ${version} when Kafka is killed in the middle`,
      { timeout: 150_000 },
      async () => {
        const inbox = await kept(await connectKafka(kafka)).subscribe('telemetry');
        const count = 10_000;
        const acknowledged = new Set<string>();
        const open = Array.from({ length: count }, (_, n) => `${version}-${n}`);
        const killed = (async () => {
          await until(() => acknowledged.size > count / 4, 'a quarter is acknowledged', 60_000);
          await kafka.kill('SIGKILL');
          await kafka.start();
        })();
        // Each sender sends one after another, and sends again whatever was not acknowledged.
        const sender = async (): Promise<void> => {
          let device = kept(await connectMqtt(gateway.port('mqtt'), version));
          for (let body = open.shift(); body !== undefined; body = open.shift()) {
            const answer = await device.publish('plants/p1/telemetry', { body: Buffer.from(body) });
            if (answer === 'accepted') acknowledged.add(body);
            else open.push(body);
            if (answer === 'closed') device = kept(await connectMqtt(gateway.port('mqtt'), version));
          }
        };
        await Promise.all(Array.from({ length: 50 }, sender));
        await killed;
        assert.equal(acknowledged.size, count);
        const missing = () => {
          const read = new Set(inbox.messages.map((message) => String(message.body)));
          return [...acknowledged].filter((body) => !read.has(body));
        };
        await until(() => missing().length === 0, 'Kafka holds every acknowledged number', 60_000);
      },
    );
});
