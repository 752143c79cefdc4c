import type { Login } from '../engine/sasl-client.ts';
import type { SaslMechanism } from '../engine/sasl-types.ts';
import type { AmqpClientConfig } from './config.ts';

/** Who we are to the broker, and how we would prove it; undefined: without SASL. */
export function loginOf(config: AmqpClientConfig, hostname: string): Login | undefined {
  if (config.sasl === 'none') return undefined;
  const { username, password } = config;
  return { mechanisms: mechanismsOf(config), username, password, hostname };
}

function mechanismsOf({ sasl, username, tls }: AmqpClientConfig): readonly SaslMechanism[] {
  switch (sasl) {
    case 'plain':
      return ['PLAIN'];
    case 'scram-sha-256':
      return ['SCRAM-SHA-256'];
    case 'external':
      return ['EXTERNAL'];
    case 'anonymous':
      return ['ANONYMOUS'];
    default:
      if (username !== undefined) return ['SCRAM-SHA-256', 'PLAIN'];
      return tls?.cert === undefined ? ['ANONYMOUS'] : ['EXTERNAL', 'ANONYMOUS'];
  }
}
