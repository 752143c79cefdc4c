import assert from 'node:assert/strict';
import { after, before, describe, it, type TestContext } from 'node:test';
import { duplicateIdHeader, withDuplicateId } from '../../src/client/duplicate-id.ts';
import type { Envelope } from '../../src/core/envelope.ts';
import type { Protocol } from '../../src/core/protocol.ts';
import amqp from '../../src/protocols/amqp/index.ts';
import stomp from '../../src/protocols/stomp/index.ts';
import { toMessage } from '../../src/routing/dead-letters.ts';
import { deafProxyTo } from '../brokers/deaf-proxy.ts';
import { startArtemis, unavailable, type ArtemisPorts, type Broker } from '../brokers/index.ts';
import { keptLog, message, until } from '../helpers.ts';
import { openPeer, receiveAll } from '../protocols/amqp/client-support.ts';

const idOf = (sent: Envelope): unknown => sent.headers.find(([name]) => name === duplicateIdHeader)?.[1];

describe('what a broker knows a repeat by', () => {
  it('is the message’s own id, or one of the envelope, the same whenever it is sent', () => {
    const named = message('a', 1, { id: 'order-1', headers: [['x', 1]] });
    assert.deepEqual(withDuplicateId(named).headers, [
      ['x', 1],
      [duplicateIdHeader, 'order-1'],
    ]);
    assert.equal(idOf(withDuplicateId({ ...named })), 'order-1');
    assert.equal(idOf(withDuplicateId(message('a', 1, { id: 5n }))), 'AMQP_ULONG:5');
    const [one, two] = [message('a'), message('a')];
    assert.equal(idOf(withDuplicateId(one)), idOf(withDuplicateId(one)));
    assert.notEqual(idOf(withDuplicateId(one)), idOf(withDuplicateId(two)));
    assert.equal(idOf(withDuplicateId({ ...one, identity: 'spooled-1' })), 'spooled-1');
  });

  it('stays what its sender wrote', () => {
    const written = message('a', 1, { id: 'order-1', headers: [[duplicateIdHeader, 'theirs']] });
    assert.equal(withDuplicateId(written), written);
  });

  it('is another one for each dead letter of a message', () => {
    for (const original of [
      message('a', 1, { id: 'order-1' }),
      message('a', 1, { id: 'order-1', headers: [[duplicateIdHeader, 'theirs']] }),
    ]) {
      const letter = (endpoint: string): Envelope =>
        toMessage({
          message: original,
          source: 's',
          route: 'r',
          endpoint,
          address: 'x',
          code: 'refused',
          reason: 'no',
          attempts: 1,
          firstAt: 0,
          lastAt: 0,
        });
      const ids = [original, letter('one'), letter('two')].map((each) => idOf(withDuplicateId(each)));
      assert.equal(new Set(ids).size, 3, ids.join());
      assert.equal(idOf(withDuplicateId(letter('one'))), ids[1], 'the same when it is sent again');
      assert.equal(
        withDuplicateId(letter('one')).headers.filter(([name]) => name === duplicateIdHeader).length,
        1,
      );
    }
  });
});

describe(
  'messages to Artemis of which nobody knows whether they have arrived',
  { skip: await unavailable('artemis') },
  () => {
    let broker: Broker & ArtemisPorts;
    before(async () => void (broker = await startArtemis()));
    after(() => broker.stop());

    const count = 300;

    /** Sends numbered messages over a connection that ends twice before their confirmations are seen; what then is there. */
    async function overLostAnswers(
      t: TestContext,
      protocol: Protocol,
      detection: boolean,
      named: boolean,
    ): Promise<string[]> {
      const isAmqp = protocol === amqp;
      const queue = `unknown.${protocol.name}.${detection}.${named}`;
      const address = isAmqp ? queue : `/queue/${queue}`;
      const proxy = await deafProxyTo(t, isAmqp ? broker.port : broker.stompPort);
      const role = protocol.client!;
      const endpoint = role.create(
        role.config.parse({
          url: `${protocol.name}://127.0.0.1:${proxy.port}`,
          timeout: '60s',
          in_flight: 100,
          duplicate_detection: detection,
        }),
        { name: 'artemis', log: keptLog() },
      );
      t.after(() => endpoint.close());
      await endpoint.open();
      await until(() => endpoint.status().state === 'ready', 'it is connected');
      await endpoint.sink.send(message('a', 'first', named ? { id: `${queue} first` } : {}), address);
      const peer = await openPeer(broker.port);
      const got = await receiveAll(peer, { address: `queue://${queue}`, capabilities: 'queue' });
      for (let round = 0; round < 2; round++) {
        proxy.state.deaf = true;
        const before = got.length;
        const sending = Array.from({ length: count }, (_, n) => {
          const text = `${round}-${n}`;
          return endpoint.sink.send(message('a', text, named ? { id: `${queue} ${text}` } : {}), address);
        });
        await until(() => got.length >= before + 50, 'some have arrived, and their sender does not know');
        proxy.cut();
        proxy.state.deaf = false;
        await Promise.all(sending);
      }
      // The broker may still be busy with what it read from the connections that have ended.
      await until(() => new Set(got).size === 2 * count + 1, 'each has come');
      await endpoint.sink.send(message('a', 'last', named ? { id: `${queue} last` } : {}), address);
      await until(() => got.includes('last'), 'all have come');
      return got;
    }

    for (const protocol of [amqp, stomp]) {
      it(`${protocol.name}: come twice without duplicate_detection`, { timeout: 120_000 }, async (t) => {
        const got = await overLostAnswers(t, protocol, false, true);
        assert.equal(new Set(got).size, 2 * count + 2);
        assert.ok(got.length > new Set(got).size, 'some came twice');
      });

      for (const named of [true, false])
        it(
          `${protocol.name}: come once with it, ${named ? 'with ids' : 'without'}`,
          { timeout: 120_000 },
          async (t) => {
            const got = await overLostAnswers(t, protocol, true, named);
            assert.equal(got.length, 2 * count + 2, `${got.length - new Set(got).size} came twice`);
            assert.equal(new Set(got).size, got.length);
          },
        );
    }

    it('are known to it again after it was killed', { timeout: 120_000 }, async (t) => {
      const role = amqp.client!;
      const open = async () => {
        const endpoint = role.create(
          role.config.parse({
            url: `amqp://127.0.0.1:${broker.port}`,
            timeout: '60s',
            duplicate_detection: true,
          }),
          { name: 'artemis', log: keptLog() },
        );
        t.after(() => endpoint.close());
        await endpoint.open();
        return endpoint;
      };
      const numbered = Array.from({ length: 50 }, (_, n) => message('a', n, { id: `killed-${n}` }));
      const first = await open();
      await Promise.all(numbered.map((each) => first.sink.send(each, 'known.again')));
      await broker.kill('SIGKILL');
      await broker.start();
      // as a gateway does that was killed before it could note the confirmations
      const second = await open();
      await Promise.all(numbered.map((each) => second.sink.send({ ...each }, 'known.again')));
      await second.sink.send(message('a', 'last'), 'known.again');
      const got = await receiveAll(await openPeer(broker.port), {
        address: 'known.again',
        capabilities: 'queue',
      });
      await until(() => got.includes('last'), 'all have come');
      assert.equal(got.length, 51);
    });
  },
);
