import { clientSettings } from '../../client/settings.ts';
import { defineRole, type Protocol } from '../../core/protocol.ts';
import { takingUpTo } from '../../core/sizes.ts';
import { rocketMqAddress } from './address.ts';
import { RocketMqClient, rocketMqTraits } from './client.ts';
import { rocketMqClientConfig } from './config.ts';
import { rocketMqWire } from './wire-form.ts';

const rocketmq: Protocol = {
  name: 'rocketmq',
  summary: 'Apache RocketMQ 5 through its gRPC proxies, as target and as source',
  address: rocketMqAddress,
  // RocketMQ's own binding (rocketmq-externals, sdk-java): the content type is an attribute like any other
  cloudEvents: { prefix: 'CE_', contentType: 'CE_contenttype' },
  client: defineRole({
    config: rocketMqClientConfig,
    traits: rocketMqTraits,
    traitsOf: ({ max_message }) => takingUpTo(rocketMqTraits, clientSettings.max_message, max_message),
    wire: () => rocketMqWire(true),
    create: (config, context) => new RocketMqClient(config, context),
  }),
};

export default rocketmq;
