import amqp from '../../src/protocols/amqp/index.ts';
import { amqpHarness } from './harness/amqp.ts';
import { endpointContract } from './suite.ts';

endpointContract(amqpHarness, amqp.address);
