import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { describe, it, type TestContext } from 'node:test';
import mqtt from 'mqtt';
import rhea, { type EventContext, type Message, type Sender } from 'rhea';
import { until } from '../helpers.ts';
import { amqpPeer, mqttPeer, stompClient, stompPeer, type Answered, type Peer } from './requests.ts';
import { reloadable, type Reloadable } from './support.ts';

/** A listener of each protocol for those who ask, and one for those who answer. */
const kinds = ['mqtt', 'amqp', 'stomp'] as const;
type Kind = (typeof kinds)[number];

const configuration = `endpoints:
${['ask', 'serve'].flatMap((side) => kinds.map((kind) => `  ${side}-${kind}: { type: ${kind}, listen: 127.0.0.1:0 }\n`)).join('')}store: { path: "\${DATA}" }
id: gw-1
routes: [routes.yaml]
`;
const asked: Record<Kind, (to: Kind) => string> = {
  mqtt: (to) => `ask/${to}`,
  amqp: (to) => `ask.${to}`,
  stomp: (to) => `/queue/ask.${to}`,
};
const served: Record<Kind, (from: Kind) => string> = {
  mqtt: (from) => `serve/${from}`,
  amqp: (from) => `serve.${from}`,
  stomp: (from) => `/queue/serve.${from}`,
};
const replies: Record<Kind, string> = {
  mqtt: 'junction/{gateway}/replies',
  amqp: 'junction.replies.{gateway}',
  stomp: '/queue/junction.replies.{gateway}',
};

const routeOf = (from: Kind, to: Kind, more = ''): string => `
  - name: ${from}-to-${to}
    from: { endpoint: ask-${from}, address: "${asked[from](to)}" }
    to: [{ endpoint: serve-${to}, address: "${served[to](from)}" }]
    reply: { address: "${replies[to]}"${from === 'mqtt' ? ', allow: ["answers/#"]' : ''}${more} }
`;
const allRoutes = `routes:${kinds.flatMap((from) => kinds.map((to) => routeOf(from, to))).join('')}`;

/** A client that is gone when the test is over. */
async function peer(t: TestContext, running: Reloadable, side: 'ask' | 'serve', kind: Kind): Promise<Peer> {
  const port = running.port(`${side}-${kind}`);
  const made = await { mqtt: () => mqttPeer(port, 'answers/1'), amqp: () => amqpPeer(port), stomp: () => stompPeer(port) }[kind](); // prettier-ignore
  t.after(() => made.close());
  return made;
}

async function take(answers: AsyncIterator<Answered>, count: number): Promise<Answered[]> {
  const taken: Answered[] = [];
  while (taken.length < count) taken.push((await answers.next()).value as Answered);
  return taken;
}

const ended = (running: Reloadable, text: string): number =>
  running.log.lines.filter(({ message }) => message.includes(text)).length;

/** Why a message was not accepted; empty where it was. */
async function refusal(sender: Sender, message: Message): Promise<string> {
  const settled = new Promise<EventContext>((resolve) => {
    for (const event of ['accepted', 'rejected', 'released']) sender.once(event, resolve);
  });
  sender.send(message);
  const { delivery } = await settled;
  const state = (delivery as unknown as { remote_state?: { error?: { description: string } } }).remote_state;
  return state?.error?.description ?? '';
}

/** A service that takes requests of AMQP and answers none by itself. */
async function slowService(t: TestContext, running: Reloadable) {
  const { connection: service } = await amqpPeer(running.port('serve-amqp'));
  t.after(() => service.close());
  const requests: Message[] = [];
  service
    .open_receiver(served.amqp('amqp'))
    .on('message', ({ message }: EventContext) => requests.push(message!));
  return { service, requests };
}

/** One route, asked and served by AMQP, with what `reply` says beside the address. */
const onlyAmqp = (more = '', also = ''): Record<string, string> => ({
  'routes.yaml': `routes:${routeOf('amqp', 'amqp', more)}${also}`,
});

describe('requests and their answers', { timeout: 120_000 }, () => {
  it('go from every listener to every other one and back, each with its own correlation', async (t) => {
    const running = await reloadable(t, configuration, { 'routes.yaml': allRoutes });
    const seen: string[] = [];
    for (const to of kinds) {
      const service = await peer(t, running, 'serve', to);
      for (const from of kinds)
        await service.serve(served[to](from), { seen: ({ replyTo }) => seen.push(replyTo!) });
    }
    for (const from of kinds)
      for (const to of kinds) {
        const client = await peer(t, running, 'ask', from);
        const requests = ['one', 'two', 'three'].map((text) => ({ text, correlation: `c-${text}` }));
        const answers = await take(await client.ask(asked[from](to), requests), 3);
        assert.deepEqual(
          answers.map(({ text, correlation }) => `${text} ${String(correlation)}`).sort(),
          ['re: one c-one', 're: three c-three', 're: two c-two'],
          `${from} to ${to}`,
        );
        assert.equal(seen.pop(), replies[to].replace('{gateway}', 'gw-1'));
        await client.close();
      }
  });

  it('find those that ask by message id, with a correlation of any type, or with none', async (t) => {
    const running = await reloadable(t, configuration, { 'routes.yaml': allRoutes });
    const [client, service] = [
      await amqpPeer(running.port('ask-amqp')),
      await amqpPeer(running.port('serve-amqp')),
    ];
    t.after(() => [client, service].map((each) => each.connection.close()));
    await service.serve(served.amqp('amqp'), { byMessageId: true });
    const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    const asking = [
      { text: 'id only', id: 'ID:1', wanted: 'ID:1' },
      { text: 'both', id: 'ID:2', correlation: 'mine', wanted: 'mine' },
      { text: 'bytes', correlation: rhea.types.wrap_binary(Buffer.of(0, 255)), wanted: Buffer.of(0, 255) },
      { text: 'uuid', correlation: rhea.types.wrap_uuid(uuid), wanted: uuid },
      { text: 'ulong', correlation: rhea.types.wrap_ulong(7) as unknown, wanted: 7 },
      { text: 'neither', wanted: undefined },
    ];
    const answers = await client.ask(
      asked.amqp('amqp'),
      asking.map((each) => ({ ...each, correlation: each.correlation as string })),
    );
    const got = new Map<string, unknown>(
      (await take(answers, asking.length)).map(({ text, correlation }) => [text, correlation]),
    );
    for (const { text, wanted } of asking) assert.deepEqual(got.get(`re: ${text}`), wanted, text);
    const device = await peer(t, running, 'ask', 'mqtt');
    await service.serve(served.amqp('mqtt'), { byMessageId: true });
    const bytes = Buffer.of(0, 1, 254, 255);
    const toDevice = await device.ask(asked.mqtt('amqp'), [
      { text: 'bytes', correlation: bytes },
      { text: 'none' },
    ]);
    assert.deepEqual(
      (await take(toDevice, 2)).map(({ correlation }) => correlation),
      [bytes, undefined],
    );
  });

  it('are refused where answers may not go, in the words of each protocol; others pass', async (t) => {
    const running = await reloadable(t, configuration, { 'routes.yaml': allRoutes });
    const seen: unknown[] = [];
    const service = await peer(t, running, 'serve', 'amqp');
    for (const from of kinds)
      await service.serve(served.amqp(from), { seen: ({ replyTo }) => seen.push(replyTo) });

    const device = await mqtt.connectAsync(`mqtt://127.0.0.1:${running.port('ask-mqtt')}`, {
      protocolVersion: 5,
    });
    t.after(() => device.endAsync(true));
    const ask = (responseTopic: string) =>
      device.publishAsync(asked.mqtt('amqp'), 'x', { qos: 1, properties: { responseTopic } });
    for (const hostile of ['others/1', 'answersx', '$SYS/answers/x', 'ask/amqp'])
      await assert.rejects(ask(hostile), /Publish error|Payload|Unspecified|Implementation|code/i, hostile);

    const client = await amqpPeer(running.port('ask-amqp'));
    t.after(() => client.connection.close());
    const sender = client.connection.open_sender(asked.amqp('amqp'));
    await once(sender, 'sendable');
    for (const hostile of [
      'orders',
      'temp.1',
      'serve.amqp',
      'a.*',
      '#',
      'a\u0000b',
      'ask.amqp',
      'x'.repeat(2000),
    ]) {
      const description = await refusal(sender, { body: 'x', reply_to: hostile });
      assert.match(
        description,
        /reply address .* (is none that the route allows|cannot be sent to)/,
        hostile,
      );
    }
    const stomp = await stompClient(running.port('ask-stomp'));
    let heard = ''; // stompit keeps the body of an ERROR to itself
    stomp.getTransportSocket().on('data', (chunk: Buffer) => (heard += chunk.toString()));
    stomp.send({ destination: asked.stomp('amqp'), 'reply-to': '/queue/others', receipt: 'r' }).end('x');
    await until(() => /ERROR[^]*none that the route allows/.test(heard));
    const outcome = once(sender, 'accepted');
    sender.send({ body: 'no reply wanted' });
    await outcome;
    assert.deepEqual(seen, [undefined]);
  });

  it('are one for each request, or all that come while answers are waited for', async (t) => {
    const running = await reloadable(t, configuration, onlyAmqp());
    const client = await peer(t, running, 'ask', 'amqp');
    const service = await peer(t, running, 'serve', 'amqp');
    await service.serve(served.amqp('amqp'), { times: 3 });
    const answers = await client.ask(asked.amqp('amqp'), [
      { text: 'a', correlation: '1' },
      { text: 'b', correlation: '2' },
    ]);
    assert.deepEqual((await take(answers, 2)).map(({ text }) => text).sort(), ['re: a', 're: b']);
    await until(() => ended(running, 'has one already') > 0);
    await running.put('routes.yaml', onlyAmqp(', answers: all')['routes.yaml']!);
    assert.equal((await running.reload()).state, 'reloaded');
    const more = await client.ask(asked.amqp('amqp'), [{ text: 'c', correlation: '3' }]);
    assert.deepEqual(
      (await take(more, 3)).map(({ text, correlation }) => [text, correlation]),
      [
        ['re: c', '3'],
        ['re: c', '3'],
        ['re: c', '3'],
      ],
    );
  });

  it('come back after a reload that keeps the route, and are refused after one that does not', async (t) => {
    const running = await reloadable(t, configuration, onlyAmqp());
    const client = await peer(t, running, 'ask', 'amqp');
    const { service, requests } = await slowService(t, running);
    const answers = await client.ask(asked.amqp('amqp'), [
      { text: 'a', correlation: '1' },
      { text: 'b', correlation: '2' },
    ]);
    await until(() => requests.length === 2);
    const sender = service.open_sender('junction.replies.gw-1');
    await once(sender, 'sendable');
    const answer = ({ correlation_id }: Message) =>
      refusal(sender, { body: 'late', correlation_id: correlation_id! });

    const other = { 'routes.yaml': onlyAmqp(', timeout: 1m', routeOf('mqtt', 'stomp'))['routes.yaml']! };
    await running.put('routes.yaml', other['routes.yaml']);
    assert.equal((await running.reload()).state, 'reloaded');
    assert.equal(await answer(requests[0]!), '');
    assert.deepEqual(await take(answers, 1), [{ text: 'late', correlation: '1' }]);

    const stray = await refusal(sender, { body: 'whose?', correlation_id: 'nobody' });
    assert.match(stray, /belongs to no request that is waited for here/);
    assert.equal(running.gateway.counters?.strays, 1);

    await running.put('routes.yaml', `routes:${routeOf('mqtt', 'stomp')}`);
    assert.equal((await running.reload()).state, 'reloaded');
    await running.put('routes.yaml', other['routes.yaml']);
    assert.equal((await running.reload()).state, 'reloaded');
    assert.match(await answer(requests[1]!), /no request/);
  });

  it('are nobody’s after a restart: told to the answerer, or a dead letter, and counted', async (t) => {
    const first = await reloadable(t, configuration, onlyAmqp());
    const client = await peer(t, first, 'ask', 'amqp');
    const { requests } = await slowService(t, first);
    await client.ask(asked.amqp('amqp'), [{ text: 'a', id: 'm1', correlation: '1' }]);
    await until(() => requests.length === 1);
    await first.gateway.close();

    for (const kept of [false, true]) {
      const routes = `defaults: { dead_letter: ${kept ? 'store' : false} }\n${onlyAmqp()['routes.yaml']}`;
      const second = await reloadable(t, configuration, { 'routes.yaml': routes });
      const { service } = await slowService(t, second);
      const sender = service.open_sender('junction.replies.gw-1');
      await once(sender, 'sendable');
      for (const correlation_id of [requests[0]!.correlation_id!, 'm1']) {
        const told = await refusal(sender, { body: 'late', correlation_id });
        assert.match(told, kept ? /^$/ : /or the gateway was started anew/);
      }
      assert.equal(second.gateway.counters!.strays, 2);
      const letters = (await second.gateway.deadLetters?.list({}, { limit: 9 })) ?? [];
      assert.deepEqual(
        letters.map(({ route, code }) => `${route} ${code}`),
        kept ? Array(2).fill('amqp-to-amqp.reply@serve-amqp no-route') : [],
      );
    }
  });

  it('come from each target of a route, its own reply address there, and by way of a spool', async (t) => {
    const route = `routes:
  - name: scatter
    from: { endpoint: ask-amqp, address: ask.all }
    spool: true
    to:
      - { endpoint: serve-amqp, address: work }
      - { endpoint: serve-amqp, address: more, reply: { address: other.replies } }
      - { endpoint: serve-mqtt, address: work, reply: { address: replies } }
      - { endpoint: serve-stomp, address: /queue/work, reply: false }
    reply: { address: some.replies, answers: all }
`;
    const running = await reloadable(t, configuration, { 'routes.yaml': route });
    const seen: unknown[] = [];
    const tell = { seen: ({ replyTo }: { replyTo: string | undefined }) => seen.push(replyTo) };
    const [amqp, device, stomp] = [await peer(t, running, 'serve', 'amqp'), await peer(t, running, 'serve', 'mqtt'), await peer(t, running, 'serve', 'stomp')]; // prettier-ignore
    await amqp.serve('work', tell);
    await amqp.serve('more', tell);
    await device.serve('work', tell);
    await stomp.serve('/queue/work', tell);
    const client = await peer(t, running, 'ask', 'amqp');
    const answers = await client.ask('ask.all', [{ text: 'a', id: 'ID:1' }]);
    assert.deepEqual(
      (await take(answers, 3)).map(({ text, correlation }) => `${text} ${String(correlation)}`),
      ['re: a ID:1', 're: a ID:1', 're: a ID:1'],
    );
    await until(() => seen.length === 4);
    assert.deepEqual(seen.filter((each) => !String(each).startsWith('temp.')).sort(), ['other.replies', 'replies', 'some.replies']); // prettier-ignore
  });

  it('whose requester is gone are refused, and cost the one who answers nothing else', async (t) => {
    const running = await reloadable(t, configuration, onlyAmqp());
    const client = await amqpPeer(running.port('ask-amqp'));
    const { service, requests } = await slowService(t, running);
    await client.ask(asked.amqp('amqp'), [{ text: 'a' }]);
    await until(() => requests.length === 1);
    const closed = once(client.connection, 'connection_close');
    client.connection.close();
    await closed;
    const [{ reply_to, correlation_id }] = requests as [Message];
    const sender = service.open_sender(reply_to);
    await once(sender, 'sendable');
    assert.match(await refusal(sender, { body: 'late', correlation_id }), /does not exist any more/);
    assert.match(await refusal(sender, { body: 'late', correlation_id: 'x' }), /belongs to no request/);
  });

  it('go as the example of docs/request-reply.md says', async (t) => {
    const page = await readFile(new URL('../../docs/request-reply.md', import.meta.url), 'utf8');
    const block = (path: string): string =>
      new RegExp(`^\`\`\`yaml ${path}\\n([^]*?)^\`\`\``, 'm').exec(page)![1]!;
    const running = await reloadable(
      t,
      block('config/junction.yaml')
        .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:0')
        .replace('../routes/*.yaml', 'prices.yaml'),
      { 'prices.yaml': block('routes/prices.yaml') },
    );
    const service = await amqpPeer(running.port('services'));
    const device = await mqttPeer(running.port('devices'), 'answers/7');
    t.after(() => Promise.all([service.close(), device.close()]));
    const seen: unknown[] = [];
    await service.serve('prices.berlin', { seen: ({ replyTo }) => seen.push(replyTo) });
    const answers = await device.ask('prices/berlin', [{ text: 'bread', correlation: 'c1' }]);
    assert.deepEqual(await take(answers, 1), [{ text: 're: bread', correlation: Buffer.from('c1') }]);
    assert.deepEqual(seen, ['replies.gateway-1']);
  });
});
