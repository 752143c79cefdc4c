import mqtt from '../../src/protocols/mqtt/index.ts';
import { mqttClientHarness } from './harness/mqtt-client.ts';
import { endpointContract } from './suite.ts';

for (const version of [5, 4] as const) {
  const { harness, end } = await mqttClientHarness(version);
  endpointContract(harness, mqtt.address, end);
}
