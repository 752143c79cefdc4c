import stomp from '../../src/protocols/stomp/index.ts';
import { stompHarness } from './harness/stomp.ts';
import { endpointContract } from './suite.ts';

for (const version of ['1.0', '1.1', '1.2'] as const) endpointContract(stompHarness(version), stomp.address);
