import { SendQueue } from '../../client/send-queue.ts';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Context, Sink } from '../../core/protocol.ts';
import { RateLimitedLog } from '../../core/rate-limited-log.ts';
import { invalidAddress } from '../../core/template.ts';
import { parseAddress, rocketMqAddress } from './address.ts';
import type { RocketMqClientConfig } from './config.ts';
import { Sender, type Outbound } from './sender.ts';
import type { Session } from './session.ts';

/** What a message without headers takes beside its body, bytes. */
const overhead = 256;

/** Sends messages; each send resolves when a broker has stored it. */
export class RocketMqSink implements Sink {
  readonly #config: RocketMqClientConfig;
  readonly #queue: SendQueue<Outbound>;
  readonly #warnings: RateLimitedLog;
  #sender: Sender | undefined;

  constructor(config: RocketMqClientConfig, context: Context) {
    this.#config = config;
    this.#warnings = new RateLimitedLog(context.log);
    this.#queue = new SendQueue({
      broker: 'RocketMQ',
      inFlight: config.in_flight,
      maxPending: config.max_pending,
      timeout: config.timeout,
    });
  }

  send(envelope: Envelope, address: string): Promise<void> {
    const wrong = invalidAddress(address, rocketMqAddress);
    if (wrong !== undefined)
      return Promise.reject(new JunctionError('invalid-message', `RocketMQ address "${address}": ${wrong}`));
    const bytes = overhead + (envelope.body?.length ?? 0);
    const sending = this.#queue.push({ ...parseAddress(address), envelope }, bytes);
    this.#sender?.pump();
    return sending;
  }

  /** A session has begun: what waits goes out over it. */
  attach(session: Session): void {
    this.#sender = new Sender(this.#queue, session, this.#config, (message) =>
      this.#warnings.warn(
        'repeats',
        { topic: message.topic },
        'a message repeats headers; RocketMQ holds one of a name, so only the first was sent',
      ),
    );
    this.#sender.pump();
  }

  /** The session is over: what was under way waits for the next one. */
  detach(): void {
    this.#sender = undefined;
    this.#queue.putBack();
  }

  close(): void {
    this.#sender = undefined;
    this.#queue.close();
  }
}
