import type { MqttMessage } from '../codec/message.ts';
import type { Level } from '../codec/packet-types.ts';
import type { TopicNames } from '../codec/publish.ts';
import type { Subscription } from '../codec/subscribe.ts';
import type { ClientStream } from '../stream/client-stream.ts';
import type { Published } from './inbound.ts';
import type { Missed } from './missed.ts';
import type { Session } from './session.ts';

/** What the listener is to each of its connections. */
export interface ConnectionOwner<Connection> {
  readonly names: TopicNames;
  readonly missed: Missed;
  readonly maxPacket: number;
  readonly maxFilters: number;
  readonly maxOutbound: number;
  readonly window: number;
  readonly connectTimeout: number;
  /** Whether no more messages are taken. */
  readonly stopping: boolean;
  /** Hands a checked CONNECT to the broker, which reads it from the stream. */
  connect(connection: Connection, stream: ClientStream): void;
  publish(message: MqttMessage, from: Session): Published | Promise<Published>;
  subscribe(
    session: Session,
    level: Level,
    wanted: readonly Subscription[],
    answer: (codes: number[]) => void,
  ): void;
  unsubscribe(session: Session, filters: readonly string[], answer: (codes: number[]) => void): void;
  /** A peer broke the rules or a limit and is closed for it. */
  refused(connection: Connection, why: string): void;
  /** It takes and gives no more. */
  ended(connection: Connection): void;
  /** Its socket is closed. */
  closed(connection: Connection): void;
}
