import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { JunctionError } from '../../../src/core/errors.ts';
import { unavailable } from '../../brokers/index.ts';
import { connectStompJs } from '../../contract/harness/stomp-js.ts';
import { stompBrokers, stompLogins, type StompBroker } from '../../contract/harness/stomp-client.ts';
import { message, textOf, until } from '../../helpers.ts';
import { clientOf, Routes } from './client-support.ts';

const patience = 90_000;
const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));
const codeOf = (error: unknown): string => {
  assert.ok(error instanceof JunctionError);
  return error.code;
};

for (const name of Object.keys(stompBrokers) as (keyof typeof stompBrokers)[])
  describe(`STOMP client at ${name}`, { skip: await unavailable(name), timeout: 400_000 }, () => {
    let broker: StompBroker;
    const ends: (() => Promise<void>)[] = [];
    let serial = 0;
    const queue = (): string => `/queue/t${serial++}`;

    before(async () => {
      broker = await stompBrokers[name]();
    });
    after(async () => {
      for (const end of ends) await end();
      await broker.stop();
    });

    async function opened(settings: object = {}, own = 'under-test') {
      const url = `stomp://127.0.0.1:${broker.stompPort}`;
      const made = clientOf({ url, ...stompLogins[name], ...settings }, own);
      ends.push(() => made.client.close());
      await made.client.open();
      await until(() => made.client.status().state === 'ready', 'it is ready', patience);
      return made;
    }
    async function peer() {
      const made = await connectStompJs(broker.stompPort, stompLogins[name]);
      ends.push(() => made.close());
      return made;
    }

    it('carries every field there and back', async () => {
      const { client } = await opened();
      const address = queue();
      const routes = new Routes(address);
      await client.source.start(routes);
      const now = Date.now();
      const sent = message(address, 'x', {
        id: 'id-1',
        subject: 'order',
        key: 'group-1',
        priority: 7,
        durable: true,
        expiresAt: now + 3_600_000,
        timestamp: now,
        contentType: 'text/plain',
        contentEncoding: 'gzip',
        correlationId: new Uint8Array([1, 255]),
        replyTo: '/queue/answers',
        hops: 2,
        headers: [
          ['int', 5, 'int'],
          ['big', 2n ** 60n],
          ['none', null],
          ['bytes', new Uint8Array([0, 200])],
          ['text', 'a:b\\c\nd'],
          ['user-id', 'someone'],
          ['durable', 'false'],
          ['transformation', 'jms-xml'],
          ['message-id', 'not ours'],
          ['selector', 'x'],
        ],
      });
      await client.sink.send(sent, address);
      await until(() => routes.taken.length === 1, 'it has come', patience);
      const got = routes.taken[0]!;
      const fields = ['id', 'address', 'subject', 'key', 'priority', 'durable', 'contentType'] as const;
      for (const field of [...fields, 'contentEncoding', 'correlationId', 'replyTo', 'hops'] as const)
        assert.deepEqual(got[field], sent[field], field);
      const byName = (headers: typeof sent.headers) => [...headers].sort((a, b) => (a[0] < b[0] ? -1 : 1));
      assert.deepEqual(byName(got.headers), byName(sent.headers));
      const exact = name === 'rabbitmq' ? 1000 : 1; // RabbitMQ's stamps are in seconds
      assert.ok(Math.abs(got.timestamp! - now) < exact, String(got.timestamp));
      assert.ok(Math.abs(got.expiresAt! - sent.expiresAt!) < 5000, String(got.expiresAt));
      assert.equal(got.bodyType, 'data');
      await client.sink.send(message(address, 'text', { durable: false, bodyType: 'string' }), address);
      await until(() => routes.taken.length === 2, 'it has come', patience);
      assert.deepEqual([routes.taken[1]!.durable, routes.taken[1]!.bodyType], [false, 'string']);
      await client.close();
    });

    for (const signal of ['SIGKILL', 'SIGTERM'] as const)
      it(`loses nothing over ${signal} under load, in both directions`, async () => {
        const count = 2000;
        const { client } = await opened({ timeout: '60s', window: 100, in_flight: 200 });
        const [written, read] = [queue(), queue()];
        const routes = new Routes(read);
        const publisher = await peer();
        for (const n of numbers(count)) void publisher.publish(read, { body: Buffer.from(n) });
        const last = await publisher.publish(read, { body: Buffer.from('last') });
        assert.equal(last, 'accepted');
        await client.source.start(routes);
        let confirmed = 0;
        const sending = numbers(count).map((n) =>
          client.sink.send(message(written, n), written).then(() => confirmed++),
        );
        await until(() => confirmed > 100 && routes.taken.length > 100, 'both are under way', patience);
        await broker.kill(signal);
        await until(() => client.status().state !== 'ready', 'it has noticed', patience);
        await broker.start();
        await Promise.all(sending);
        await until(() => new Set(routes.bodies()).size === count + 1, 'all have been read', patience);
        const repeated = routes.taken.length - count - 1;
        const inbox = await (await peer()).subscribe(written);
        const seen = () => inbox.messages.map(({ body }) => String(body));
        await until(() => new Set(seen()).size === count, 'all have been written', patience);
        // a killed broker forgets acknowledgements that it had not yet written to its disk; Artemis, which counts
        // bytes instead of messages, runs far ahead of the acknowledgements that it has looked at
        if (signal === 'SIGTERM' && name !== 'artemis')
          assert.ok(repeated <= 100, `${repeated} were read twice`);
        assert.ok(seen().length - count <= 200, `${seen().length - count} were written twice`);
        await client.close();
      });

    it('refuses to the broker what is rejected, and the broker does not send it again', async () => {
      const { client } = await opened();
      const address = queue();
      const routes = new Routes(address);
      routes.answer = ({ body }) =>
        textOf(body) === 'bad'
          ? { state: 'rejected', error: new JunctionError('refused', 'no') }
          : { state: 'accepted' };
      await client.source.start(routes);
      const publisher = await peer();
      for (const body of ['1', 'bad', '2']) await publisher.publish(address, { body: Buffer.from(body) });
      await until(() => routes.taken.length === 3, 'all have come', patience);
      assert.deepEqual(routes.bodies(), ['1', 'bad', '2']);
      if (name === 'artemis') {
        // its NACK would lose the message
        await until(() => client.status().state === 'failing', 'it is kept', patience);
        assert.match(client.status().reason!, /kept unacknowledged/);
      }
      await client.source.stop();
      const inbox = await publisher.subscribe(address);
      await publisher.publish(address, { body: Buffer.from('end') });
      await until(() => inbox.messages.some(({ body }) => String(body) === 'end'), 'the end', patience);
      const left = inbox.messages.map(({ body }) => String(body));
      assert.deepEqual(left, name === 'artemis' ? ['bad', 'end'] : ['end']);
      if (name === 'activemq') {
        const dead = await publisher.subscribe('/queue/ActiveMQ.DLQ');
        await until(() => dead.messages.some(({ body }) => String(body) === 'bad'), 'put aside', patience);
      }
      await client.close();
    });

    it('leaves to the broker what is unsettled when it stops', async () => {
      const { client } = await opened();
      const address = queue();
      const routes = new Routes(address);
      const error = new JunctionError('unavailable', 'away');
      routes.answer = ({ body }) =>
        textOf(body) === 'hold' ? { state: 'released', error } : { state: 'accepted' };
      await client.source.start(routes);
      const publisher = await peer();
      for (const body of ['1', 'hold', '2']) await publisher.publish(address, { body: Buffer.from(body) });
      await until(() => new Set(routes.bodies()).size === 3, 'all have come', patience);
      await until(() => client.status().state === 'failing', 'the state says that one is held', patience);
      await client.source.stop();
      const other = (await opened()).client;
      const again = new Routes(address);
      await other.source.start(again);
      await until(() => again.taken.length === 1, 'it comes again', patience);
      assert.deepEqual(again.bodies(), ['hold']);
      // what Artemis is given back in order does not count as delivered
      assert.equal(again.taken[0]!.deliveryCount, name === 'artemis' ? 0 : 1);
      await other.source.stop();
      await Promise.all([client.close(), other.close()]);
    });

    it('reads topics by wildcards, in any broker’s words, and only what the selector lets through', async () => {
      const topic = `t${serial++}`;
      const { client } = await opened(name === 'rabbitmq' ? {} : { selector: "colour = 'red'" });
      const routes = new Routes(`/topic/${topic}.{a}.{rest...}`);
      await client.source.start(routes);
      await until(() => client.status().state === 'ready', 'it is subscribed', patience);
      const publisher = await peer();
      const to = (address: string, colour: string) =>
        publisher.publish(`/topic/${topic}.${address}`, {
          body: Buffer.from(address),
          headers: [['colour', colour]],
        });
      await to('x.y', 'blue');
      await to('x.y.z', 'red');
      await to('x.y', 'red');
      const expected = name === 'rabbitmq' ? 3 : 2;
      await until(() => routes.taken.length === expected, 'they have come', patience);
      assert.deepEqual(
        routes.taken.slice(-2).map(({ address }) => address),
        [`/topic/${topic}.x.y.z`, `/topic/${topic}.x.y`],
      );
      await client.close();
    });

    it('keeps a durable subscription to a topic over an absence', async () => {
      const topic = `/topic/d${serial++}`;
      const settings = { durable: true, client_id: `durable-${name}` };
      const first = (await opened(settings)).client;
      await first.source.start(new Routes(topic));
      await until(() => first.status().state === 'ready', 'it is subscribed', patience);
      await first.source.stop();
      await first.close();
      await (await peer()).publish(topic, { body: Buffer.from('meanwhile') });
      const second = (await opened(settings)).client;
      const routes = new Routes(topic);
      await second.source.start(routes);
      await until(() => routes.taken.length === 1, 'it was kept', patience);
      assert.deepEqual(routes.bodies(), ['meanwhile']);
      await second.close();
    });

    if (name === 'rabbitmq')
      it('fails alone a message that the broker refuses', async () => {
        const { client } = await opened();
        const [good, bad] = [queue(), '/exchange/there-is-none/key'];
        const all = numbers(50).map((n) => (n === '20' ? bad : good));
        const told = await Promise.all(
          all.map((to, n) => client.sink.send(message(to, n), to).then(() => 'ok', codeOf)),
        );
        assert.deepEqual(
          told,
          all.map((to) => (to === bad ? 'no-route' : 'ok')),
        );
        await client.close();
      });
  });
