import { defineRole, type Protocol } from '../../core/protocol.ts';
import { sizeOf } from '../../core/sizes.ts';
import { kafkaAddress } from './address.ts';
import { KafkaClient, kafkaTraits } from './client.ts';
import { kafkaClientConfig } from './config.ts';
import { kafkaWire } from './wire-form.ts';

const kafka: Protocol = {
  name: 'kafka',
  summary: 'Apache Kafka and what speaks its protocol, as target and as source',
  address: kafkaAddress,
  // CloudEvents Kafka binding §3.2.3: header values are UTF-8
  cloudEvents: { prefix: 'ce_', bytesAsText: true },
  client: defineRole({
    config: kafkaClientConfig,
    traits: kafkaTraits,
    traitsOf: ({ max_message }) => ({
      ...kafkaTraits,
      sizes: { to: sizeOf(kafkaClientConfig.shape.max_message, max_message) },
    }),
    wire: () => kafkaWire,
    create: (config, context) => new KafkaClient(config, context),
  }),
};

export default kafka;
