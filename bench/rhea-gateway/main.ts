/**
 * The "before" of the AMQP engine: the same gateway (configuration, routes, MQTT and STOMP listeners, exchange, admin
 * pages, all from dist/), with an AMQP listener on rhea as the server. Argument: the configuration file.
 */
import type { Protocol } from '../../src/core/protocol.ts';
import type { AmqpListenerConfig } from '../../src/protocols/amqp/config.ts';
import { RheaEndpoint } from './endpoint.ts';
import { AdminServer, createLogger, Gateway, loadConfiguration, protocols } from './product.ts';

const own = (await protocols['amqp']!()).default;
const onRhea: Protocol = {
  ...own,
  listener: {
    ...own.listener!,
    create: (config, context) => new RheaEndpoint(config as AmqpListenerConfig, context),
  },
};
const configuration = await loadConfiguration(process.argv[2]!, {
  env: process.env,
  protocols: { ...protocols, amqp: () => Promise.resolve({ default: onRhea }) },
});
const log = createLogger(configuration.log);
const gateway = new Gateway(configuration, log, (endpoint) => log.child({ endpoint }));
const admin = new AdminServer(gateway);
await gateway.open();
await admin.open(configuration.admin);
process.on('SIGTERM', () => process.exit(0));
