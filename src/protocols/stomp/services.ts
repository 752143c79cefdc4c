import type { Consumer, Subscription } from '../../broker/delivery.ts';
import type { Selection } from '../../broker/selection.ts';
import type { Envelope } from '../../core/envelope.ts';
import type { JunctionError } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { ListenerConfig } from './config.ts';
import type { MessageEncoder } from './frame-writer.ts';
import type { Registry } from './reply-queues.ts';

/** Something whose writes wait for the end of the tick. */
export interface Flushable {
  /** The peer's host and port, for logs. */
  readonly name: string;
  flush(): void;
}

/** What connections need of their listener. */
export interface Services extends Registry {
  readonly config: ListenerConfig;
  readonly encoder: MessageEncoder;
  /** False before the routes take part, and after they have stopped: then a client that sends is made to wait. */
  readonly taking: boolean;
  /** Calls `done` once, later; it must not throw. */
  publish(message: Envelope, done: (outcome: Outcome) => void): void;
  /** @throws JunctionError refused, invalid-message */
  subscribe(address: string, consumer: Consumer, selection: Selection | undefined): Subscription;
  needsFlush(connection: Flushable): void;
  failed(connection: Flushable, error: JunctionError): void;
  gone(connection: Flushable): void;
}
