import { Kafka, logLevel } from 'kafkajs';
import type { AddressPattern } from '../../../src/core/address.ts';
import { parsePattern } from '../../../src/core/address.ts';
import type { Envelope } from '../../../src/core/envelope.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import type { Context, Intake, Log } from '../../../src/core/protocol.ts';
import { kafkaAddress } from '../../../src/protocols/kafka/address.ts';
import { KafkaClient } from '../../../src/protocols/kafka/client.ts';
import { kafkaClientConfig } from '../../../src/protocols/kafka/config.ts';
import { until, type Broker } from '../../brokers/index.ts';

export interface Line {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

/** A logger that keeps its lines. */
export function logTo(lines: Line[]): Log {
  const at =
    (level: string) =>
    (fields: object, message: string): void => {
      if (level !== 'debug') lines.push({ level, fields, message });
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export function createClient(broker: Broker, config: object = {}, lines: Line[] = []): KafkaClient {
  const context: Context = { name: 'kafka', log: logTo(lines) };
  return new KafkaClient(kafkaClientConfig.parse({ brokers: [broker.at], ...config }), context);
}

/** An open endpoint for this broker. */
export async function openClient(
  broker: Broker,
  config: object = {},
  lines: Line[] = [],
): Promise<KafkaClient> {
  const client = createClient(broker, config, lines);
  await client.open();
  await until(() => client.status().state === 'ready', 'the client is ready');
  return client;
}

/** Routes that read these patterns and do with each message what the function says. */
export function intake(
  patterns: readonly string[],
  deliver: (envelope: Envelope) => Promise<Outcome>,
): Intake {
  const parsed: AddressPattern[] = patterns.map((text) => parsePattern(text, kafkaAddress));
  return { patterns: parsed, readerOf: () => 'route', deliver };
}

/** kafkajs as an independent peer: plain settings, nothing of ours. */
export function peer(broker: Broker): Kafka {
  return new Kafka({
    brokers: [broker.at],
    logLevel: logLevel.NOTHING,
    retry: { retries: 30, maxRetryTime: 500 },
  });
}
