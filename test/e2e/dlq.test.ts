import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import rhea, { type EventContext } from 'rhea';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { runCommand, startGateway, type RunningGateway } from './gateway.ts';

/** MQTT clients publish to queues of an AMQP listener, whose receivers may refuse for good. */
const files = (store: string) => ({
  'junction.yaml': `endpoints:
  mqtt: { type: mqtt, listen: "127.0.0.1:0" }
  amqp: { type: amqp, listen: "127.0.0.1:0" }
routes: [routes.yaml]
admin: { listen: "127.0.0.1:0" }
store: { path: ${store} }
`,
  'routes.yaml': `defaults: { dead_letter: store }
routes:
  - name: orders
    from: { endpoint: mqtt, address: "orders/{shop}" }
    to: [{ endpoint: amqp, address: "shops.{shop}" }]
  - name: told
    from: { endpoint: mqtt, address: "told" }
    to: [{ endpoint: amqp, address: "told" }]
    dead_letter: false
  - name: both
    from: { endpoint: mqtt, address: "both" }
    to:
      - { endpoint: amqp, address: "one" }
      - { endpoint: amqp, address: "two" }
  - name: endpoint
    from: { endpoint: mqtt, address: "endpoint" }
    to: [{ endpoint: amqp, address: "none" }]
    dead_letter: { endpoint: amqp, address: dead.letters }
  - name: events
    from: { endpoint: mqtt, address: "events", format: cloudevents }
    to:
      - { endpoint: amqp, address: "events.one" }
      - { endpoint: amqp, address: "events.two" }
`,
});

/** A receiver that takes what it gets, or refuses it for good. */
async function openShop(port: number, address: string) {
  const connection = rhea
    .create_container()
    .connect({ host: '127.0.0.1', port, username: 'guest', reconnect: false });
  connection.on('disconnected', () => undefined);
  const receiver = connection.open_receiver({ source: { address }, autoaccept: false });
  const shop = {
    refuses: false,
    taken: [] as string[],
    headers: [] as Record<string, unknown>[],
    close: async () => {
      connection.close();
      await once(connection, 'connection_close');
    },
  };
  receiver.on('message', ({ message, delivery }: EventContext) => {
    if (shop.refuses)
      return delivery!.reject({ condition: 'shop:closed', description: 'the shop is closed' });
    shop.headers.push((message!.application_properties ?? {}) as Record<string, unknown>);
    shop.taken.push(String((message!.body as { content: Buffer }).content));
    return delivery!.accept();
  });
  await once(receiver, 'receiver_open');
  return shop;
}

describe('dead letters of a running gateway', () => {
  let folder: string;
  let gateway: RunningGateway;
  let device: Awaited<ReturnType<typeof connectMqtt>>;
  const start = () => startGateway({ config: join(folder, 'junction.yaml') });
  const dlq = (...args: string[]) =>
    runCommand(process.execPath, [
      ...['--import', 'tsx', 'src/main.ts', 'dlq', ...args],
      ...['--admin', `127.0.0.1:${gateway.port('admin')}`],
    ]);
  const api = (path: string, init?: RequestInit) =>
    fetch(`http://127.0.0.1:${gateway.port('admin')}/dead-letters${path}`, init);
  const listed = async (query = '') =>
    ((await (await api(query)).json()) as { letters: { id: string; address: string; route: string }[] })
      .letters;
  const publish = (address: string, body: string) => device.publish(address, { body: Buffer.from(body) });

  const open = (address: string) => openShop(gateway.port('amqp'), address);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'junction-dlq-'));
    for (const [name, text] of Object.entries(files(join(folder, 'data'))))
      await writeFile(join(folder, name), text);
    gateway = await start();
    device = await connectMqtt(gateway.port('mqtt'), 5);
  });
  after(async () => {
    await device.close();
    await gateway.stop();
    await rm(folder, { recursive: true });
  });

  it('are listed, shown, sent again when their target takes them, and dropped', async () => {
    const shops = [await open('shops.s1'), await open('shops.s2'), await open('told')];
    for (const shop of shops) shop.refuses = true;
    assert.equal(await publish('orders/s1', 'one'), 'accepted');
    assert.equal(await publish('orders/s2', 'two\u001b[31m'), 'accepted');
    assert.notEqual(await publish('told', 'three'), 'accepted', 'without dead letters the sender is told');
    const [first, second] = await listed();
    assert.deepEqual([first!.address, second!.address], ['shops.s1', 'shops.s2']);

    const list = await dlq('list');
    assert.equal(list.code, 0, list.stderr);
    assert.match(list.stdout, /^ID +LAST TRIED +ROUTE +TARGET +CODE +TRIED +BYTES +REASON\n/);
    assert.match(list.stdout, /^1 +\S+Z +orders +amqp shops\.s1 +refused +1 +3 +.*the shop is closed/m);
    const json = await dlq('list', '--json', '--route', 'orders', '--code', 'refused', '--since', '1h');
    assert.equal((JSON.parse(json.stdout) as unknown[]).length, 2);
    const show = await dlq('show', second!.id);
    assert.match(show.stdout, /^from +mqtt orders\/s2$/m);
    assert.match(show.stdout, /^two\\u001b\[31m$/m, 'a body cannot steer the terminal');

    const vain = await dlq('replay', first!.id);
    assert.equal(vain.code, 1);
    assert.match(vain.stdout, /^1 is still there: .*the shop is closed/);
    assert.equal((await listed()).length, 2);

    shops[0]!.refuses = false;
    const until = new Date(Date.now() + 60_000).toISOString();
    const replayed = await dlq('replay', '--route', 'orders', '--until', until);
    assert.equal(replayed.code, 1, 'one of two came through');
    assert.match(replayed.stdout, /^2 is still there: .*\nreplayed 1 dead letter$/m);
    assert.deepEqual(shops[0]!.taken, ['one']);
    assert.deepEqual(
      (await listed()).map(({ id }) => id),
      [second!.id],
    );

    const dropped = await dlq('drop', second!.id);
    assert.equal(dropped.stdout, 'dropped 1 dead letter\n');
    assert.equal((await dlq('list')).stdout, 'no dead letters\n');
    assert.equal((await dlq('drop', second!.id)).code, 1);
    for (const shop of shops) await shop.close();
  });

  it('go only to the target that failed, unless all are wanted', async () => {
    const [one, two] = [await open('one'), await open('two')];
    two.refuses = true;
    assert.equal(await publish('both', 'x'), 'accepted');
    assert.equal(await publish('both', 'y'), 'accepted');
    two.refuses = false;
    const [first, second] = await listed('?route=both');
    assert.equal((await api(`/${first!.id}/replay`, { method: 'POST' })).status, 200);
    assert.deepEqual([one.taken, two.taken], [['x', 'y'], ['x']]);
    assert.equal((await api(`/${second!.id}/replay?all_targets=true`, { method: 'POST' })).status, 200);
    assert.deepEqual(
      [one.taken, two.taken],
      [
        ['x', 'y', 'y'],
        ['x', 'y'],
      ],
    );
    assert.equal((await listed()).length, 0);
    for (const shop of [one, two]) await shop.close();
  });

  it('go to an endpoint where the route says so, with why in their headers', async () => {
    const shop = await open('none');
    shop.refuses = true;
    const grave = await open('dead.letters');
    assert.equal(await publish('endpoint', 'poison'), 'accepted');
    assert.deepEqual(grave.taken, ['poison']);
    const [headers] = grave.headers;
    assert.equal(headers!['junction-dead-code'], 'refused');
    assert.equal(headers!['junction-dead-route'], 'endpoint');
    assert.equal(headers!['junction-dead-attempts'], 1);
    assert.equal(headers!['junction-dead-address'], 'endpoint');
    assert.ok(headers!['junction-dead-last-at'] instanceof Date);
    assert.equal((await listed()).length, 0);
    for (const peer of [grave, shop]) await peer.close();
  });

  it('are one of a route that cannot read a message, and go to all its targets when it is mended', async () => {
    assert.equal(await publish('events', 'no event'), 'accepted');
    const list = await dlq('list', '--route', 'events');
    assert.match(list.stdout, /^\d+ +\S+Z +events +- +invalid-message +0 +8 +route "events": .*\n$/m);
    const [letter, ...more] = await listed('?route=events');
    assert.deepEqual(more, []);
    const show = await dlq('show', letter!.id);
    assert.match(show.stdout, /^target +none: it failed for the route as a whole$/m);
    assert.match(show.stdout, /^no event$/m);
    const vain = await dlq('replay', letter!.id);
    assert.match(vain.stdout, /is still there: .*route "events"/);

    await Promise.all([gateway.stop(), device.close()]);
    const [name, text] = ['routes.yaml', files('')['routes.yaml']];
    await writeFile(join(folder, name), text.replace(', format: cloudevents', ''));
    gateway = await start();
    device = await connectMqtt(gateway.port('mqtt'), 5);
    const shops = [await open('events.one'), await open('events.two')];
    assert.equal((await dlq('replay', '--route', 'events')).stdout, 'replayed 1 dead letter\n');
    assert.deepEqual(
      shops.map(({ taken }) => taken),
      [['no event'], ['no event']],
    );
    assert.equal((await listed()).length, 0);
    for (const shop of shops) await shop.close();
  });

  it('are still there after a kill, and are asked for with care', async () => {
    const shop = await open('shops.killed');
    shop.refuses = true;
    for (let n = 0; n < 5; n++) assert.equal(await publish('orders/killed', String(n)), 'accepted');
    await Promise.all([gateway.stop('SIGKILL'), device.close()]);
    gateway = await start();
    device = await connectMqtt(gateway.port('mqtt'), 5);
    assert.equal((await listed()).length, 5);
    assert.equal((await listed('?limit=2')).length, 2);

    const refused: [string, RequestInit, number][] = [
      ['', { method: 'DELETE' }, 400], // all, by mistake
      ['?ruote=orders', { method: 'DELETE' }, 400],
      ['/replay', { method: 'POST' }, 400],
      ['?code=nonsense', {}, 400],
      ['?since=yesterday', {}, 400],
      ['/999', {}, 404],
      ['/__proto__', {}, 404],
      ['/999/replay', { method: 'POST' }, 404],
      ['/999', { method: 'DELETE' }, 404],
      ['?all=true', { method: 'DELETE', headers: { origin: 'http://evil.example' } }, 403],
    ];
    for (const [path, init, status] of refused) {
      const response = await api(path, init);
      assert.equal(response.status, status, path);
      assert.equal(typeof ((await response.json()) as { error: unknown }).error, 'string');
    }
    assert.equal((await listed()).length, 5);
    const nothing = await dlq('drop');
    assert.deepEqual([nothing.code, nothing.stdout], [1, '']);
    assert.match(nothing.stderr, /^junction: name ids, a filter/);
    assert.equal((await dlq('drop', '--all')).stdout, 'dropped 5 dead letters\n');
  });
});

describe('junction dlq', () => {
  it('says in one line that no gateway answers', async () => {
    const { code, stderr } = await runCommand(process.execPath, [
      ...['--import', 'tsx', 'src/main.ts', 'dlq', 'list', '--admin', '127.0.0.1:9'],
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /^junction: no gateway answers at http:\/\/127\.0\.0\.1:9 .*\n$/);
  });
});
