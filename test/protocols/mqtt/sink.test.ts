import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { envelope } from '../../../src/core/envelope.ts';
import { mqttClientConfig } from '../../../src/protocols/mqtt/client/config.ts';
import { readConnack } from '../../../src/protocols/mqtt/codec/connack.ts';
import { Cursor } from '../../../src/protocols/mqtt/codec/cursor.ts';
import { MqttSink } from '../../../src/protocols/mqtt/client/sink.ts';

describe('the MQTT sink', () => {
  it('has a timeout that may be longer than a timer of Node can be', async (context) => {
    const every = context.mock.method(globalThis, 'setInterval');
    for (const [timeout, ms] of [
      [10, 10],
      [10_000, 500],
      [100 * 2 ** 31, 1000],
    ] as const) {
      const config = { ...mqttClientConfig.parse({ url: 'mqtt://127.0.0.1' }), timeout };
      const sink = new MqttSink(config);
      const sending = sink.send(envelope({ address: 't', body: Buffer.from('x') }), 't');
      sink.close();
      await assert.rejects(sending, { code: 'closed' });
      assert.equal(every.mock.calls.at(-1)?.arguments[1], ms);
    }
  });

  it('takes one message that is larger than all that may wait, and nothing beside it', async () => {
    const sink = new MqttSink(mqttClientConfig.parse({ url: 'mqtt://127.0.0.1', max_pending: '1KiB' }));
    const large = sink.send(envelope({ address: 't', body: Buffer.alloc(4096) }), 't');
    await assert.rejects(sink.send(envelope({ address: 't', body: null }), 't'), { code: 'busy' });
    sink.close();
    await assert.rejects(large, { code: 'closed' });
  });
});

describe('the longest packet', () => {
  const longest = 1 + 4 + 268_435_455; // MQTT 5 §2.1.4
  const cursorOf = (hex: string): Cursor => {
    const bytes = Buffer.from(hex, 'hex');
    return new Cursor(bytes, 0, bytes.length);
  };
  const allowed = (properties: string): number =>
    readConnack(cursorOf(`0000${properties}`), 5).maximumPacketSize;

  it('is what the broker says, and never more than MQTT can write', () => {
    assert.equal(allowed(''), longest);
    assert.equal(allowed('00'), longest);
    assert.equal(allowed('052700000064'), 100);
    assert.equal(allowed('0527ffffffff'), longest);
  });
});
