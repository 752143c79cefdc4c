import amqp from '../../src/protocols/amqp/index.ts';
import { amqpClientHarness } from './harness/amqp-client.ts';
import { endpointContract } from './suite.ts';

const { harness, end } = await amqpClientHarness();
endpointContract(harness, amqp.address, end);
