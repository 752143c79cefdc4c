import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { until } from '../../helpers.ts';
import {
  bodyOf,
  endAll,
  lasting,
  numbered,
  openKept,
  publishAll,
  reconnect,
  subscribe,
  takeUntil,
} from './kept.ts';

const versions = [4, 5] as const;

describe('MQTT messages under way at a restart', { timeout: 120_000 }, () => {
  afterEach(endAll);

  it('of QoS 2 go on where they were, in both directions', async () => {
    for (const version of versions) {
      const first = await openKept({ grace: '50ms' });
      const [client] = await reconnect(first.bench, version, 'js');
      await subscribe(client, 'a', 2);
      client.publish('x', 'mine', 2, 100);
      await client.next('pubrec');
      await publishAll(first.bench, 'a', ['one', 'two', 'three'], 2); // accepted after the grace
      const [one, two] = [await client.next('publish'), await client.next('publish')];
      client.send({ cmd: 'pubrec', messageId: one.messageId! });
      await client.next('publish');
      await client.next('pubrel');
      const second = await first.restart();
      const [again, present] = await reconnect(second.bench, version, 'js');
      assert.equal(present, true);
      const watcher = await second.bench.connected(version);
      await subscribe(watcher, 'x', 2);
      assert.equal((await again.next('pubrel')).messageId, one.messageId);
      const twoAgain = await again.next('publish');
      assert.deepEqual([twoAgain.messageId, twoAgain.dup, bodyOf(twoAgain)], [two.messageId, true, 'two']);
      assert.equal(bodyOf(await again.next('publish')), 'three');
      // its own message was taken before the restart, and is not delivered a second time [MQTT-4.3.3-12]
      again.publish('x', 'mine', 2, 100, true);
      await again.next('pubrec');
      again.send({ cmd: 'pubrel', messageId: 100 });
      await again.next('pubcomp');
      await watcher.ping();
      assert.equal(watcher.packets.filter(({ cmd }) => cmd === 'publish').length, 0);
      again.send({ cmd: 'pubcomp', messageId: one.messageId! });
      await publishAll(second.bench, 'a', ['four'], 2);
      assert.equal(bodyOf(await again.next('publish')), 'four');
    }
  });

  it('of QoS 2 come again after a kill, and no identifier that the client may hold is mistaken', async () => {
    for (const version of versions) {
      const first = await openKept({ grace: '50ms', window: 8 });
      const [client] = await reconnect(first.bench, version, 'js');
      await subscribe(client, 'a', 2);
      await publishAll(first.bench, 'a', numbered(1, 20), 2);
      const held = await client.next('publish');
      client.send({ cmd: 'pubrec', messageId: held.messageId! });
      await until(() => first.names.queues.get('session:js') === 19, 'it is the client’s now');
      await until(async () => (await isOnDisk(first)) === 19);
      const second = await first.afterKill();
      const [again] = await reconnect(second.bench, version, 'js');
      const released = new Set<number>();
      for (let i = 0; i < 8; i++) released.add((await again.next('pubrel')).messageId!);
      assert.deepEqual([...released].sort(), [1, 2, 3, 4, 5, 6, 7, 8]);
      await again.ping();
      assert.equal(again.packets.filter(({ cmd }) => cmd === 'publish').length, 0); // they are in use until then
      again.forget();
      for (const messageId of released) again.send({ cmd: 'pubcomp', messageId });
      assert.deepEqual(await takeUntil(again, '20'), numbered(2, 20));
    }
  });

  it('are waited for at an orderly stop, and nothing comes twice', async () => {
    for (const qos of [1, 2] as const) {
      const first = await openKept({ grace: '20s', window: 20 });
      const [client] = await reconnect(first.bench, 5, 'js');
      await subscribe(client, 'a', qos);
      client.close();
      await until(() => first.names.values.length === 1);
      await publishAll(first.bench, 'a', numbered(1, 500), qos);
      const [back] = await reconnect(first.bench, 5, 'js');
      const seen: string[] = [];
      await until(() => back.packets.some(({ cmd }) => cmd === 'publish'));
      const restarted = first.restart();
      let at = 0;
      // it acknowledges slowly, and only some of what came
      await until(() => {
        const packet = back.packets[at];
        if (packet?.cmd === 'publish') {
          seen.push(bodyOf(packet));
          back.send({ cmd: qos === 1 ? 'puback' : 'pubrec', messageId: packet.messageId! });
        } else if (packet?.cmd === 'pubrel') {
          back.send({ cmd: 'pubcomp', messageId: packet.messageId! });
        }
        if (packet) at++;
        return back.closed && at === back.packets.length;
      }, 'the listener has closed');
      const second = await restarted;
      assert.ok(seen.length < 500, 'what need not be sent any more is not');
      const [again, present] = await reconnect(second.bench, 5, 'js');
      assert.equal(present, true);
      seen.push(...(await takeUntil(again, '500')));
      assert.deepEqual(seen, numbered(1, 500));
    }
  });
});

describe('a shared subscription of sessions on the disk', { timeout: 120_000 }, () => {
  afterEach(endAll);

  it('keeps over a restart what came while all members were away', async () => {
    const first = await openKept();
    for (const id of ['m1', 'm2']) {
      const [member] = await reconnect(first.bench, 5, id);
      await subscribe(member, '$share/g/a', 1);
      member.close();
    }
    await until(() => first.names.values.length === 2);
    await publishAll(first.bench, 'a', numbered(1, 100));
    const second = await first.afterKill();
    await publishAll(second.bench, 'a', numbered(101, 120));
    const [member] = await reconnect(second.bench, 5, 'm2');
    assert.deepEqual(await takeUntil(member, '120'), numbered(1, 120));
    await until(() => second.names.queues.get('share:$share/g/a') === 0, 'the disk is empty');
  });

  it('loses nothing when members come and go, and the listener is killed', async () => {
    let kept = await openKept({ grace: '30ms', window: 4 });
    const join = async (id: string): Promise<Awaited<ReturnType<typeof reconnect>>[0]> =>
      (await reconnect(kept.bench, 5, id))[0];
    const m1 = await join('m1');
    await subscribe(m1, '$share/g/a', 1);
    const m2 = await join('m2');
    await subscribe(m2, '$share/g/a', 1);
    await publishAll(kept.bench, 'a', numbered(1, 30)); // neither acknowledges
    const seen = new Set<string>();
    m1.close(); // what it has goes to the other, or to the disk
    await publishAll(kept.bench, 'a', numbered(31, 40));
    await until(() => m2.packets.some(({ cmd }) => cmd === 'publish'));
    m2.close();
    await publishAll(kept.bench, 'a', numbered(41, 50));
    kept = await kept.afterKill();
    const members = [await join('m1'), await join('m2')];
    await until(() => {
      for (const member of members)
        for (const packet of member.packets.splice(0)) {
          if (packet.cmd !== 'publish') continue;
          seen.add(bodyOf(packet));
          member.send({ cmd: 'puback', messageId: packet.messageId! });
        }
      return seen.size === 50;
    }, 'all have come');
    await until(() => [...kept.names.queues.values()].every((messages) => messages === 0));
  });

  it('is given up with its last member', async () => {
    const kept = await openKept();
    const client = await kept.bench.connected(5, lasting(5, 'js'));
    await subscribe(client, '$share/g/a', 1);
    assert.deepEqual([...kept.names.queues.keys()].sort(), ['session:js', 'share:$share/g/a']);
    client.send({ cmd: 'unsubscribe', messageId: 4, unsubscriptions: ['$share/g/a'] });
    await client.next('unsuback');
    await until(() => !kept.names.queues.has('share:$share/g/a'));
  });
});

/** How many messages of the session are on the disk. */
async function isOnDisk(kept: Awaited<ReturnType<typeof openKept>>): Promise<number> {
  const { store } = kept;
  const storage = store.endpoint('mqtt');
  await storage.put('done', 1); // whatever was begun before is on the disk after it
  await storage.delete('done');
  return storage.queue('session:js').read(0, 1000, 1e9).length;
}
