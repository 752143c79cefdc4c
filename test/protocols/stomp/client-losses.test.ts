/** What is lost of messages to a broker that only the STOMP client knows of. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LossCounts } from '../../../src/gateway/loss-counts.ts';
import { StompBrokerClient } from '../../../src/protocols/stomp/client.ts';
import { stompClientConfig } from '../../../src/protocols/stomp/client/config.ts';
import { keptLog, message } from '../../helpers.ts';
import { play, polite } from './client-support.ts';

it('a reply address that RabbitMQ would take for its own, and headers that no version can write, are counted', async (t) => {
  let broken = false;
  const broker = await play((frame, on) => {
    // The first message is sent again on another connection: it has still lost its reply address once.
    if (frame.command === 'SEND' && !broken) {
      broken = true;
      on.socket.destroy();
    } else polite(frame, on, 'server:RabbitMQ/3.10.8\n');
  });
  t.after(() => broker.close());
  const losses = new LossCounts();
  const client = new StompBrokerClient(stompClientConfig.parse({ url: broker.url }), {
    name: 'rabbit',
    log: keptLog(),
    losses: losses.counterOf('rabbit'),
  });
  await client.open();
  t.after(() => client.close());
  const sent = async (more: object): Promise<object> => {
    await client.sink.send(message('a', 'b', more), '/queue/a');
    return Object.fromEntries(losses.all.get('rabbit') ?? []);
  };
  assert.deepEqual(await sent({ replyTo: '/temp-queue/x' }), { reply_to: 1 });
  assert.ok(broken);
  assert.deepEqual(await sent({ replyTo: '/queue/x', headers: [['a', 'b']] }), { reply_to: 1 });
  const half = '\0\ud800';
  assert.deepEqual(
    await sent({
      headers: [
        ['a', half],
        ['b', half],
      ],
    }),
    { reply_to: 1, headers: 1 },
  );
});
