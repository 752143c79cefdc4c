import stomp from '../../src/protocols/stomp/index.ts';
import { stompBrokers, stompClientHarness } from './harness/stomp-client.ts';
import { endpointContract } from './suite.ts';

for (const name of Object.keys(stompBrokers) as (keyof typeof stompBrokers)[]) {
  const { harness, end } = await stompClientHarness(name);
  endpointContract(harness, stomp.address, end);
}
