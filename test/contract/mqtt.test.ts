import mqtt from '../../src/protocols/mqtt/index.ts';
import { mqttHarness } from './harness/mqtt.ts';
import { endpointContract } from './suite.ts';

for (const version of [3, 4, 5] as const) endpointContract(mqttHarness(version), mqtt.address);
