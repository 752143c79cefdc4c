import { defineRole, type Protocol } from '../../core/protocol.ts';
import { rabbitAddress } from './address.ts';
import { RabbitClient } from './client.ts';
import { rabbitClientConfig } from './config.ts';
import { rabbitTraits } from './traits.ts';

const rabbitmq: Protocol = {
  name: 'rabbitmq',
  summary: 'RabbitMQ by AMQP 0-9-1, as target and as source',
  address: rabbitAddress,
  client: defineRole({
    config: rabbitClientConfig,
    traits: rabbitTraits,
    create: (config, context) => new RabbitClient(config, context),
  }),
};

export default rabbitmq;
