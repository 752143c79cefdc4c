import { defineRole, type Protocol } from '../../core/protocol.ts';
import { takingUpTo } from '../../core/sizes.ts';
import { renewable } from '../../transport/listen-settings.ts';
import { mqttAddress } from './address.ts';
import { MqttBrokerClient, mqttClientTraits, mqttTraitsOf } from './client.ts';
import { mqttClientConfig } from './client/config.ts';
import { mqttListenerConfig } from './config.ts';
import { MqttListener } from './listener.ts';
import { mqtt3Traits, mqttTraits } from './traits.ts';
import { mqttWire } from './wire-form.ts';

const mqtt: Protocol = {
  name: 'mqtt',
  summary: 'MQTT 3.1, 3.1.1 and 5',
  address: mqttAddress,
  // CloudEvents MQTT binding §3: structured JSON is what readers of every version understand
  cloudEvents: { prefix: '', prefers: 'structured', fields: ['subject', 'priority', 'timestamp'] },
  listener: defineRole({
    config: mqttListenerConfig,
    traits: mqttTraits,
    traitsOf: ({ max_message }) => takingUpTo(mqttTraits, mqttListenerConfig.shape.max_message, max_message),
    older: { version: 'MQTT 3.1 and 3.1.1', traits: mqtt3Traits },
    keeps: ({ durable }) => durable,
    renews: renewable,
    wire: () => mqttWire(5),
    create: (config, context) => new MqttListener(config, context),
  }),
  client: defineRole({
    config: mqttClientConfig,
    traits: mqttClientTraits,
    traitsOf: mqttTraitsOf,
    wire: ({ version }) => mqttWire(version === 5 ? 5 : 4),
    create: (config, context) => new MqttBrokerClient(config, context),
  }),
};

export default mqtt;
