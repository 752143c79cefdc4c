import type { Protocol } from '../core/protocol.ts';

/** One line per folder; a folder is loaded only when a configuration names it. */
export const protocols: Readonly<Record<string, () => Promise<{ default: Protocol }>>> = {
  mqtt: () => import('./mqtt/index.ts'),
  amqp: () => import('./amqp/index.ts'),
  stomp: () => import('./stomp/index.ts'),
  kafka: () => import('./kafka/index.ts'),
  rocketmq: () => import('./rocketmq/index.ts'),
  rabbitmq: () => import('./rabbitmq/index.ts'),
};
