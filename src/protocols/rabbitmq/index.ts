import { clientSettings } from '../../client/settings.ts';
import { defineRole, type Protocol } from '../../core/protocol.ts';
import { takingUpTo } from '../../core/sizes.ts';
import { isTemporary, rabbitAddress } from './address.ts';
import { RabbitClient } from './client.ts';
import { rabbitClientConfig } from './config.ts';
import { rabbitTraits } from './traits.ts';
import { rabbitWire } from './wire-form.ts';

const rabbitmq: Protocol = {
  name: 'rabbitmq',
  summary: 'RabbitMQ by AMQP 0-9-1, as target and as source',
  address: rabbitAddress,
  // RabbitMQ hands headers to AMQP 1.0 clients as properties, so these are named as in that binding; `ce-` is Knative's.
  cloudEvents: { prefix: 'cloudEvents_', otherPrefixes: ['cloudEvents:', 'ce-', 'ce_'], longs: true },
  client: defineRole({
    config: rabbitClientConfig,
    traits: rabbitTraits,
    traitsOf: ({ max_message }) => takingUpTo(rabbitTraits, clientSettings.max_message, max_message),
    wire: ({ username }) => rabbitWire(username ?? 'guest'),
    create: (config, context) => new RabbitClient(config, context),
    isTemporary,
  }),
};

export default rabbitmq;
