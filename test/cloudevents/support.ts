import amqp from '../../src/protocols/amqp/index.ts';
import kafka from '../../src/protocols/kafka/index.ts';
import mqtt from '../../src/protocols/mqtt/index.ts';
import rabbitmq from '../../src/protocols/rabbitmq/index.ts';
import rocketmq from '../../src/protocols/rocketmq/index.ts';
import stomp from '../../src/protocols/stomp/index.ts';
import { systems } from '../fidelity/systems.ts';
import type { Envelope, Header } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import { parseValueTemplate } from '../../src/core/value-template.ts';
import type { Protocol } from '../../src/core/protocol.ts';
import type { Transform } from '../../src/core/transform.ts';
import { cloudEventsOut } from '../../src/cloudevents/outgoing.ts';

const protocols: readonly Protocol[] = [amqp, kafka, mqtt, stomp, rabbitmq, rocketmq];

export const protocolOf = (name: string): Protocol => protocols.find((each) => each.name === name)!;

/** Every way in which this gateway takes part in a protocol: its name, the protocol, and the way there by real bytes. */
export const carriers = systems.map((system) => ({
  name: system.name,
  protocol: protocolOf(system.name.split(' ')[0]!),
  headers: system.traits.headers !== 'none',
  trip: (message: Envelope): Envelope => system.trip(message),
}));

/** Applies a transform that changes a message at once. */
export const apply = (
  transform: Transform,
  message: Envelope,
  captures: Record<string, string> = {},
): Envelope => {
  const changed = transform.apply(message, new Map(Object.entries(captures)));
  if (changed instanceof Promise) throw new Error('the format of a message is changed at once');
  return changed;
};

export interface Out {
  readonly mode?: 'binary' | 'structured';
  readonly prefix?: string;
  readonly attributes?: Record<string, string | number | boolean>;
  readonly contentType?: string;
  readonly bound?: readonly string[];
  readonly from?: string;
}

/** What a target of this protocol says about events. */
export const eventsTo = (name: string, out: Out = {}): Transform =>
  cloudEventsOut(
    {
      mode: out.mode ?? 'binary',
      prefix: out.prefix,
      contentType: out.contentType,
      attributes: new Map(
        Object.entries(out.attributes ?? {}).map(([key, value]) => [
          key,
          typeof value === 'string' ? parseValueTemplate(value, out.bound ?? []) : value,
        ]),
      ),
    },
    protocolOf(name).cloudEvents,
    { endpoint: 'source', binding: protocolOf(out.from ?? 'kafka').cloudEvents },
  );

/** The first header of a name. */
export const header = ({ headers }: Envelope, name: string): Header[1] | undefined =>
  headers.find((each) => each[0] === name)?.[1];

export const json = (message: Envelope): Record<string, unknown> =>
  JSON.parse(Buffer.from(message.body!).toString()) as Record<string, unknown>;

/** For assert.throws: a message that is refused, with these words. */
export const refused =
  (words: RegExp) =>
  (error: unknown): boolean =>
    error instanceof JunctionError && error.code === 'invalid-message' && words.test(error.message);
