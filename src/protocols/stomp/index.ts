import { clientSettings } from '../../client/settings.ts';
import { defineRole, type Protocol } from '../../core/protocol.ts';
import { takingUpTo } from '../../core/sizes.ts';
import { listenerSettings } from '../../core/units.ts';
import { renewable } from '../../transport/listen-settings.ts';
import { isBrokerTemporary, isReplyQueue, stompAddress } from './address.ts';
import { StompBrokerClient } from './client.ts';
import { stompClientConfig } from './client/config.ts';
import { listenerConfig } from './config.ts';
import { StompListener } from './listener.ts';
import { olderStompTraits, stompClientTraits, stompTraits } from './traits.ts';
import { stompClientWire, stompListenerWire } from './wire-form.ts';

const stomp: Protocol = {
  name: 'stomp',
  summary: 'STOMP 1.0, 1.1 and 1.2: /topic/ destinations fan out, all others are queues',
  address: stompAddress,
  // No official binding. Brokers hand STOMP headers to AMQP and JMS as properties, so these are named as in that binding.
  cloudEvents: { prefix: 'cloudEvents_', otherPrefixes: ['cloudEvents:', 'ce_', 'ce-'] },
  listener: defineRole({
    config: listenerConfig,
    traits: stompTraits,
    traitsOf: ({ max_message }) => takingUpTo(stompTraits, listenerSettings.max_message, max_message),
    older: { version: 'STOMP 1.0 and 1.1', traits: olderStompTraits },
    keeps: (config) => config.durable,
    renews: renewable,
    wire: () => stompListenerWire('1.2'),
    create: (config, context) => new StompListener(config, context),
    isTemporary: isReplyQueue,
  }),
  client: defineRole({
    config: stompClientConfig,
    traits: stompClientTraits,
    traitsOf: ({ max_message }) => takingUpTo(stompClientTraits, clientSettings.max_message, max_message),
    wire: () => stompClientWire(undefined, '1.2'),
    create: (config, context) => new StompBrokerClient(config, context),
    isTemporary: isBrokerTemporary,
  }),
};

export default stomp;
