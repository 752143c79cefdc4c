import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KafkaClientConfig } from '../../src/protocols/kafka/config.ts';
import { protocols } from '../../src/protocols/index.ts';
import type { RabbitClientConfig } from '../../src/protocols/rabbitmq/config.ts';
import type { RocketMqClientConfig } from '../../src/protocols/rocketmq/config.ts';
import { load, mistakes } from './support.ts';

const file = (endpoint: string) => ({ 'junction.yaml': `endpoints:\n  oms: { ${endpoint} }\n` });
const read = async (endpoint: string) => {
  const loaded = await load(file(endpoint), { protocols });
  const { protocol, role, config } = loaded.endpoints.get('oms')!;
  assert.equal(role, 'client');
  return { type: protocol.name, config, warnings: loaded.warnings };
};
const texts = (list: readonly { readonly text: string }[]): string[] => list.map(({ text }) => text);

describe('an access point of OpenMessaging', () => {
  it('says where RocketMQ is, with and without type', async () => {
    for (const type of ['', 'type: rocketmq, ']) {
      const { type: name, config } = await read(`${type}url: "oms:rocketmq://127.0.0.1:8081, h2:8082/default"`);
      assert.equal(name, 'rocketmq');
      const { brokers, namespace } = config as RocketMqClientConfig;
      assert.deepEqual([texts(brokers), namespace], [['127.0.0.1:8081', 'h2:8082'], '']);
    }
    const alice = await read('url: "oms:rocketmq://alice@rocketmq.apache.org:8081/us-east", password: p');
    const { namespace, username, password } = alice.config as RocketMqClientConfig;
    assert.deepEqual([namespace, username, password], ['us-east', 'alice', 'p']);
  });

  it('says where the brokers of other drivers are', async () => {
    const kafka = await read('url: "oms:kafka://a:9092,b:9093/", group: g');
    assert.deepEqual((kafka.config as KafkaClientConfig).brokers, ['a:9092', 'b:9093']);
    const rabbit = await read('url: "oms:rabbitmq://bob@a:5672/sales"');
    const { url, vhost, username } = rabbit.config as RabbitClientConfig;
    assert.deepEqual([rabbit.type, texts(url), vhost, username], ['rabbitmq', ['amqp://a:5672'], 'sales', 'bob']);
    for (const [written, type, text] of [
      ['url: "oms:artemis://a:5672/x"', 'amqp', 'amqp://a:5672'],
      ['url: "oms:activemq://a:61613/x", type: stomp', 'stomp', 'stomp://a:61613'],
      ['url: "oms:amqp://[::1]:5671/x", tls: {}', 'amqp', 'amqps://[::1]:5671'],
      ['url: "oms:mqtt://a:1883/x"', 'mqtt', 'mqtt://a:1883'],
    ] as const) {
      const got = await read(written);
      assert.deepEqual([got.type, texts((got.config as RabbitClientConfig).url)], [type, [text]]);
    }
  });

  it('has the port of the specification where it names none, and says so', async () => {
    const { config, warnings } = await read('url: "oms:rocketmq://a/default"');
    assert.deepEqual(texts((config as RocketMqClientConfig).brokers), ['a:80']);
    assert.match(warnings[0]!.message, /"a" has no port, which is 80/);
  });

  const wrong: [endpoint: string, line: string][] = [
    [
      'url: "oms:rokcetmq://a:1/x"',
      '2:20: unknown OpenMessaging driver "rokcetmq"; did you mean "rocketmq"? Known drivers: rocketmq, kafka, rabbitmq, activemq, artemis, amqp, mqtt, stomp',
    ],
    [
      'type: mqtt, url: "oms:kafka://a:1/x"',
      '2:16: the driver kafka is not spoken with as "mqtt"; write "type: kafka", or leave it out',
    ],
    [
      'url: "oms:rocketmq:a:1"',
      '2:15: "oms:rocketmq:a:1" is no access point of OpenMessaging; write oms:DRIVER://host:port,host2:port/REGION, e.g. oms:rocketmq://host:8081,host2:8081/default',
    ],
    [
      'url: "oms:rocketmq://a:1,b c/x"',
      '2:15: "b c" is no host:port; write e.g. oms:rocketmq://host:8081,host2:8081/default',
    ],
    [
      'url: "oms:rabbitmq://me:secret@a:1/x"',
      '2:15: passwords do not belong in the URL, which is shown in logs; write "password: ${NAME}" beside it, and the account alone in the URL',
    ],
    [
      'url: "oms:kafka://me@a:1/x"',
      '2:15: an account alone does not say how to log in at Kafka; write "sasl: { mechanism: …, username: …, password: … }"',
    ],
  ];
  for (const [endpoint, line] of wrong)
    it(`is checked: ${endpoint}`, async () => {
      assert.deepEqual(await mistakes(file(endpoint), { protocols }), [`junction.yaml:${line}`]);
    });
});
