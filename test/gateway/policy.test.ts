import assert from 'node:assert/strict';
import { it } from 'node:test';
import { connectAmqp } from '../contract/harness/amqp.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { until } from '../helpers.ts';
import { reloadable } from './support.ts';

const configuration = `endpoints:
  mqtt: { type: mqtt, listen: 127.0.0.1:0 }
  amqp: { type: amqp, listen: 127.0.0.1:0, topics: ["#"] }
routes: ["*-routes.yaml"]
policy:
  rules:
    - owner: sales
      folder: sales-routes.yaml
      read: [{ endpoint: mqtt, address: "orders/+" }]
      write: [{ endpoint: amqp, address: "orders.*" }]
`;
const routes = (owner: string, to: string): string =>
  `owner: ${owner}\nroutes:\n  - { name: a, from: { endpoint: mqtt, address: "orders/{x}" }, to: [{ endpoint: amqp, address: "${to}" }] }\n`;

it('a running gateway goes on by its old routes where new ones do what the policy does not allow', async (t) => {
  const gateway = await reloadable(t, configuration, {
    'sales-routes.yaml': routes('sales', 'orders.{x}'),
  });
  const sender = await connectMqtt(gateway.port('mqtt'), 5);
  const receiver = await connectAmqp(gateway.port('amqp'));
  t.after(async () => {
    for (const peer of [sender, receiver]) await peer.close();
  });
  const orders = await receiver.subscribe('orders.de');
  const people = await receiver.subscribe('people.de');
  const arrives = async (count: number): Promise<void> => {
    assert.equal(await sender.publish('orders/de', { body: Buffer.from('x') }), 'accepted');
    await until(() => orders.messages.length === count, `message ${count}`);
    assert.equal(people.messages.length, 0);
  };
  await arrives(1);

  await gateway.put('sales-routes.yaml', routes('sales', 'people.{x}'));
  const refused = await gateway.reload();
  assert.match(
    JSON.stringify(refused),
    /policy does not let \\"sales\\" send to \\"people\.\{x\}\\" of \\"amqp\\"/,
  );
  await arrives(2);

  // Nor does it help to speak for someone else.
  await gateway.put('sales-routes.yaml', routes('hr', 'orders.{x}'));
  assert.match(JSON.stringify(await gateway.reload()), /belong to \\"sales\\", not to \\"hr\\"/);
  await arrives(3);

  await gateway.put('sales-routes.yaml', routes('sales', 'orders.{x}').replace('name: a', 'name: b'));
  assert.equal((await gateway.reload()).state, 'reloaded');
  await arrives(4);
});
