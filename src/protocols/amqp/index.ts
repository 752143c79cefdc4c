import { clientSettings } from '../../client/settings.ts';
import { defineRole, type Protocol } from '../../core/protocol.ts';
import { takingUpTo } from '../../core/sizes.ts';
import { listenerSettings } from '../../core/units.ts';
import { renewable } from '../../transport/listen-settings.ts';
import { amqpAddress, isBrokerTemporary } from './address.ts';
import { AmqpBrokerClient } from './client.ts';
import { amqpClientConfig } from './client/config.ts';
import { amqpListenerConfig } from './config.ts';
import { AmqpListener } from './listener.ts';
import { isTemporaryName } from './nodes.ts';
import { amqpTraits } from './traits.ts';
import { amqpWire } from './wire-form.ts';

const amqp: Protocol = {
  name: 'amqp',
  summary: 'AMQP 1.0, also JMS by Qpid JMS',
  address: amqpAddress,
  // CloudEvents AMQP binding §3.1.3: JMS selectors cannot name `cloudEvents:`
  cloudEvents: { prefix: 'cloudEvents_', otherPrefixes: ['cloudEvents:'], longs: true },
  listener: defineRole({
    config: amqpListenerConfig,
    traits: amqpTraits,
    traitsOf: ({ max_message }) => takingUpTo(amqpTraits, listenerSettings.max_message, max_message),
    keeps: (config) => config.durable,
    renews: renewable,
    wire: () => amqpWire,
    create: (config, context) => new AmqpListener(config, context),
    isTemporary: isTemporaryName,
  }),
  client: defineRole({
    config: amqpClientConfig,
    traits: amqpTraits,
    traitsOf: ({ max_message }) => takingUpTo(amqpTraits, clientSettings.max_message, max_message),
    wire: () => amqpWire,
    create: (config, context) => new AmqpBrokerClient(config, context),
    isTemporary: isBrokerTemporary,
  }),
};

export default amqp;
