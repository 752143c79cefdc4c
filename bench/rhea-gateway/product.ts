/** What the gateway on rhea takes from the product, compiled as it ships, so that only the AMQP side differs. */
import type * as AdminModule from '../../src/admin/server.ts';
import type * as ExchangeModule from '../../src/broker/exchange.ts';
import type * as LoggerModule from '../../src/cli/logger.ts';
import type * as ConfigModule from '../../src/config/load.ts';
import type * as EnvelopeModule from '../../src/core/envelope.ts';
import type * as ErrorsModule from '../../src/core/errors.ts';
import type * as OutcomeModule from '../../src/core/outcome.ts';
import type * as GatewayModule from '../../src/gateway.ts';
import type * as ProtocolsModule from '../../src/protocols/index.ts';

const load = async <T>(path: string): Promise<T> =>
  (await import(new URL(`../../dist/${path}`, import.meta.url).href)) as T;

export const { AdminServer } = await load<typeof AdminModule>('admin/server.js');
export const { loadConfiguration } = await load<typeof ConfigModule>('config/load.js');
export const { JunctionError } = await load<typeof ErrorsModule>('core/errors.js');
export const { envelope } = await load<typeof EnvelopeModule>('core/envelope.js');
export const { Exchange } = await load<typeof ExchangeModule>('broker/exchange.js');
export const { Gateway } = await load<typeof GatewayModule>('gateway.js');
export const { createLogger } = await load<typeof LoggerModule>('cli/logger.js');
export const { accepted } = await load<typeof OutcomeModule>('core/outcome.js');
export const { protocols } = await load<typeof ProtocolsModule>('protocols/index.js');
