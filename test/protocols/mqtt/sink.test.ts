import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { envelope } from '../../../src/core/envelope.ts';
import { mqttClientConfig } from '../../../src/protocols/mqtt/client/config.ts';
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
});
