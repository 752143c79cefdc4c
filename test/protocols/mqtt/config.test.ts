import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mqttListenerConfig } from '../../../src/protocols/mqtt/config.ts';

describe('a setting of the MQTT listener', () => {
  it('max_message is a length that a packet can have (MQTT 5 §2.1.4)', () => {
    const parse = (max_message: string) => mqttListenerConfig.safeParse({ listen: ':0', max_message });
    assert.equal(parse('268435455B').data?.max_message, 268_435_455);
    assert.equal(parse('1B').data?.max_message, 1);
    for (const wrong of ['0B', '268435456B', '1GiB'])
      assert.match(parse(wrong).error?.message ?? '', /must be from 1B to 268435455B/);
  });
});
