import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parsePattern } from '../../../src/core/address.ts';
import { parseTemplate, renderTemplate } from '../../../src/core/template.ts';
import { parseTarget, queueOf, rabbitAddress } from '../../../src/protocols/rabbitmq/address.ts';

describe('addresses of RabbitMQ', () => {
  it('name a queue, or an exchange and a routing key', () => {
    assert.deepEqual(parseTarget('orders'), { exchange: '', routingKey: 'orders' });
    assert.deepEqual(parseTarget('/queues/a/b'), { exchange: '', routingKey: 'a/b' });
    assert.deepEqual(parseTarget('/exchanges/amq.topic/a.b'), { exchange: 'amq.topic', routingKey: 'a.b' });
    assert.deepEqual(parseTarget('/exchanges/e/a/b%2F'), { exchange: 'e', routingKey: 'a/b%2F' });
    assert.deepEqual(parseTarget('/exchanges/fan'), { exchange: 'fan', routingKey: '' });
  });

  it('say why they mean nothing', () => {
    for (const wrong of ['/orders', '/queues/', '/exchanges/', '/exchanges//key', '', 'q'.repeat(256)])
      assert.equal(typeof rabbitAddress.invalid!(wrong), 'string', wrong);
  });

  it('take captures, which cannot leave their place', () => {
    const template = parseTemplate('/exchanges/orders/{country}.{rest}', ['country', 'rest']);
    const render = (country: string, rest: string[]) =>
      renderTemplate(
        template,
        new Map<string, string | string[]>([
          ['country', country],
          ['rest', rest],
        ]),
        rabbitAddress,
      );
    assert.equal(render('de', ['a', 'b']), '/exchanges/orders/de.a.b');
    assert.throws(() => render('de.x', []), /has a meaning in the target address/);
    assert.throws(() => render('de/x', []), /has a meaning in the target address/);
  });

  it('are read from only where they are a queue, named in full', () => {
    const of = (text: string) => queueOf(parsePattern(text, rabbitAddress));
    assert.equal(of('orders.eu'), 'orders.eu');
    assert.equal(of('/queues/orders'), 'orders');
    for (const wrong of ['orders.{country}', '/exchanges/e/k']) {
      assert.equal(of(wrong), undefined);
      assert.match(rabbitAddress.unreadable!(parsePattern(wrong, rabbitAddress))!, /queue/);
    }
  });
});
