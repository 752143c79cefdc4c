import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import mqtt from '../../src/protocols/mqtt/index.ts';
import type { Endpoint } from '../../src/core/protocol.ts';
import { keptLog } from '../helpers.ts';
import { decides, readVectors, type Vector } from './mqtt-vectors.ts';

/**
 * What Mosquitto's own vectors say of us, by protocol level. The one that is not met has an MQTT 3.1.1 client send a
 * QoS 2 message three times; MQTT 3.1.1 allows that, and nothing is delivered twice.
 */
const expected = { 3: [9, 9], 4: [304, 305], 5: [1512, 1512] } as const;

/** These share topics, so they are played one at a time. */
const alone = new Set(['FLOW', 'REGRESSION', 'OTHER', 'CONNECT', 'ZZ-broker-check']);

describe("Mosquitto's packet vectors", { timeout: 170_000 }, () => {
  const vectors = readVectors(new URL('mqtt-vectors/', import.meta.url));
  let endpoint: Endpoint;
  let port: number;

  before(async () => {
    const role = mqtt.listener!;
    const config = role.config.parse({ listen: '127.0.0.1:0', grace: '100ms' });
    endpoint = role.create(config, { name: 'mqtt', log: keptLog() });
    await endpoint.open();
    port = Number(endpoint.status().at.split(':')[1]);
  });
  after(() => endpoint.close());

  for (const level of [3, 4, 5] as const)
    it(`of level ${level}`, async () => {
      const all = vectors.filter((vector) => vector.level === level);
      const failed: string[] = [];
      const play = async (vector: Vector): Promise<void> => {
        if (!(await decides(vector, port, 1000))) failed.push(`${vector.file}: ${vector.name}`);
      };
      for (const vector of all.filter((v) => alone.has(v.file))) await play(vector);
      const rest = all.filter((v) => !alone.has(v.file));
      await Promise.all(
        Array.from({ length: 16 }, async () => {
          for (let vector = rest.pop(); vector; vector = rest.pop()) await play(vector);
        }),
      );
      const [least, total] = expected[level];
      assert.equal(all.length, total);
      assert.ok(total - failed.length >= least, `decided otherwise:\n${failed.join('\n')}`);
    });
});
