/** JMS messages go to Kafka, by way of the store, and come back to JMS as they were. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { startKafka, unavailable } from '../brokers/index.ts';
import { createTopics } from '../contract/harness/kafka.ts';
import { startGateway } from '../e2e/gateway.ts';
import { jmsClassPath } from './jms-library.ts';
import { missing, run } from './tools.ts';

const skip =
  missing('Java', 'java', '-version') || missing('Maven', 'mvn', '-version') || (await unavailable('kafka'));

describe('JMS → Kafka → JMS', () => {
  const endings: (() => Promise<unknown>)[] = [];
  after(async () => {
    for (const end of endings.reverse()) await end();
  });

  it('brings back messages of every kind, with all they say', { skip, timeout: 240_000 }, async () => {
    const jars = await jmsClassPath();
    const kafka = await startKafka();
    endings.push(() => kafka.stop());
    await createTopics(kafka, ['trip']);
    const folder = await mkdtemp(join(tmpdir(), 'junction-jms-'));
    endings.push(() => rm(folder, { recursive: true }));
    const config = join(folder, 'junction.yaml');
    const routes = [
      {
        name: 'there',
        from: { endpoint: 'jms', address: 'trip.in' },
        to: [{ endpoint: 'kafka', address: 'trip' }],
        spool: true,
      },
      {
        name: 'back',
        from: { endpoint: 'kafka', address: 'trip' },
        to: [{ endpoint: 'jms', address: 'trip.out' }],
      },
    ];
    await writeFile(join(folder, 'routes.yaml'), stringify({ routes }));
    await writeFile(
      config,
      stringify({
        endpoints: {
          jms: { type: 'amqp', listen: '127.0.0.1:0' },
          kafka: { type: 'kafka', brokers: [kafka.at] },
        },
        routes: ['routes.yaml'],
        store: { path: join(folder, 'data') },
      }),
    );
    const gateway = await startGateway({ config });
    endings.push(() => gateway.stop());
    const program = join(import.meta.dirname, 'jms/Trip.java');
    const port = String(gateway.port('jms'));
    const out = await run('java', ['-cp', jars, program, port, 'trip.in', 'trip.out']);
    assert.equal(out.match(/^ok /gm)?.length, 7, out);
  });
});
