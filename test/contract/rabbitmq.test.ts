import rabbitmq from '../../src/protocols/rabbitmq/index.ts';
import { rabbitMqHarness } from './harness/rabbitmq.ts';
import { endpointContract } from './suite.ts';

const { harness, end } = await rabbitMqHarness();
endpointContract(harness, rabbitmq.address, end);
