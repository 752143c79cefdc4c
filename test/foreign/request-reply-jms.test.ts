import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { startArtemis, unavailable } from '../brokers/index.ts';
import { reloadable } from '../gateway/support.ts';
import { until } from '../helpers.ts';
import { jmsClassPath } from './jms-library.ts';
import { missing, run } from './tools.ts';

const skip = missing('Maven', 'mvn', '-version') || (await unavailable('artemis'));

const routes = `routes:
  - name: listener-to-artemis
    from: { endpoint: listener, address: ask }
    to: [{ endpoint: artemis, address: work }]
    reply: { address: "junction.replies.{gateway}" }
  - name: artemis-to-listener
    from: { endpoint: artemis, address: ask }
    to: [{ endpoint: listener, address: work }]
    reply: { address: replies, allow: [answers.shared] }
`;

describe('Qpid JMS asks across the gateway', () => {
  it(
    'by temporary queues and by selectors, at a listener and at Artemis',
    { skip, timeout: 170_000 },
    async (t) => {
      const artemis = await startArtemis();
      t.after(() => artemis.stop());
      const running = await reloadable(
        t,
        `endpoints:
  listener: { type: amqp, listen: 127.0.0.1:0 }
  artemis: { type: amqp, url: "amqp://${artemis.at}" }
store: { path: "\${DATA}" }
id: gw-1
routes: [routes.yaml]
`,
        { 'routes.yaml': routes },
      );
      await until(() => running.gateway.ready(), 'the gateway is ready', 60_000);
      const jars = await jmsClassPath();
      const [here, there] = [String(running.port('listener')), String(artemis.port)];
      const ask = async (how: string, at: string, server: string): Promise<void> => {
        const program = join(import.meta.dirname, 'jms', 'Requests.java');
        const out = await run('java', ['-cp', jars, program, at, 'ask', server, 'work', how]);
        assert.match(out, new RegExp(`^ok ${how}$`, 'm'), out);
      };
      await Promise.all([
        ask('temporary', here, there),
        ask('temporary', there, here).then(() => ask('selector', there, here)),
      ]);
    },
  );
});
