import kafka from '../../src/protocols/kafka/index.ts';
import { kafkaHarness } from './harness/kafka.ts';
import { endpointContract } from './suite.ts';

const { harness, end } = await kafkaHarness();
endpointContract(harness, kafka.address, end);
