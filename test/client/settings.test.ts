import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { brokerUrls, clientSettings } from '../../src/client/settings.ts';

const urls = brokerUrls({
  amqp: { carrier: 'tcp', port: 5672 },
  amqps: { carrier: 'tls', port: 5671 },
  'x+ssl': { carrier: 'tls', port: 9 },
});

describe('settings of connections to brokers', () => {
  it('reads a URL, with the port of its scheme where none is written', () => {
    const good: [string, object][] = [
      ['amqp://broker', { carrier: 'tcp', host: 'broker', port: 5672, path: '' }],
      ['amqps://a.b-c.example:5', { carrier: 'tls', host: 'a.b-c.example', port: 5, path: '' }],
      ['amqp://[::1]:5/vhost', { carrier: 'tcp', host: '::1', port: 5, path: '/vhost' }],
      [' amqp://127.0.0.1/ ', { carrier: 'tcp', host: '127.0.0.1', port: 5672, path: '/' }],
      ['x+ssl://h', { carrier: 'tls', host: 'h', port: 9, path: '' }],
    ];
    for (const [text, parts] of good) assert.deepEqual(urls.parse(text), [{ text: text.trim(), ...parts }]);
    assert.deepEqual(
      urls.parse(['amqp://a', 'amqp://b']).map(({ host }) => host),
      ['a', 'b'],
    );
  });

  it('refuses what is no URL of a broker', () => {
    for (const text of [
      '',
      'amqp',
      'amqp://',
      'http://h',
      'amqp://h:0',
      'amqp://h:65536',
      'amqp://h:x',
      'constructor://h',
      '__proto__://h',
      'amqp://h/a b',
      'amqp://a,b',
    ])
      assert.equal(urls.safeParse(text).success, false, text);
    assert.equal(urls.safeParse([]).success, false);
  });

  it('refuses credentials in a URL, says where they belong, and does not repeat them', () => {
    for (const text of [
      'amqp://user:s3cret@broker',
      'amqp://s3cret@broker:5672/x',
      'amqp://u:s3/cret@broker',
    ]) {
      const result = urls.safeParse(text);
      const told = JSON.stringify(result.error?.issues);
      assert.ok(!told.includes('s3'), told);
    }
    assert.match(
      JSON.stringify(urls.safeParse('amqp://user:s3cret@broker').error?.issues),
      /write username and password/,
    );
  });

  it('has safe defaults, and every duration and size carries its unit', () => {
    const schema = z.strictObject(clientSettings);
    const read = schema.parse({});
    assert.deepEqual(
      [read.window, read.in_flight, read.max_message, read.max_pending, read.timeout, read.connect_timeout],
      [512, 1000, 4 << 20, 32 << 20, 10_000, 5000],
    );
    for (const wrong of [
      { window: 0 },
      { in_flight: 60_001 },
      { timeout: 10 },
      { max_message: 5 },
      { username: '' },
      { other: 1 },
    ])
      assert.equal(schema.safeParse(wrong).success, false, JSON.stringify(wrong));
  });
});
