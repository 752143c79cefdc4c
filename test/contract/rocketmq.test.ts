import rocketmq from '../../src/protocols/rocketmq/index.ts';
import { rocketMqHarness } from './harness/rocketmq.ts';
import { endpointContract } from './suite.ts';

const { harness, end } = await rocketMqHarness();
endpointContract(harness, rocketmq.address, end);
