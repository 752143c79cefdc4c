import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { until } from '../helpers.ts';
import { amqpPeer, mqttPeer, stompPeer, type Answered, type Peer } from './requests.ts';
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
});
export { take, peer, ended, until, routeOf };
