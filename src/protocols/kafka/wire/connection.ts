import type { Duplex } from 'node:stream';
import { Reader, Writer } from './primitives.ts';
import { apiKeys, type Request, type Versions } from './requests.ts';

/** The largest answer that we take, in bytes; the longest list of topics and partitions is far smaller. */
const largestAnswer = 64 * 1024 * 1024;

/** Why a request has no answer. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  /** Whether the broker may have got the request all the same. */
  readonly sent: boolean;
  /** Whether it stayed silent for too long. */
  readonly silent: boolean;
  /** Whether requests were under way when the connection ended. */
  readonly interrupts: boolean;

  constructor(
    message: string,
    {
      sent = true,
      silent = false,
      interrupts = false,
      cause,
    }: { sent?: boolean; silent?: boolean; interrupts?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause });
    this.sent = sent;
    this.silent = silent;
    this.interrupts = interrupts;
  }
}

interface Waiting {
  readonly id: number;
  readonly timer: NodeJS.Timeout;
  readonly answered: (answer: Reader) => void;
  readonly failed: (error: ConnectionError) => void;
}

/**
 * A connection to one broker. Answers come in the order of the requests; one that does not come in time, or cannot be
 * read, ends the connection.
 */
export class Connection {
  /** `host:port` of the broker, for people. */
  readonly at: string;
  /** Resolves with the reason once it is over. */
  readonly closed: Promise<ConnectionError>;
  /** What the broker speaks; empty until it has been asked. */
  versions: Versions = new Map();
  /** Until when, by the monotonic clock in ms, the broker takes requests. */
  expiresAt = Infinity;
  readonly #socket: Duplex;
  readonly #clientId: string;
  #waiting: Waiting[] = [];
  #lastId = 0;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes of the answer that is being read, with its length. */
  #needed = 4;
  #over: ConnectionError | undefined;
  #onClosed!: (reason: ConnectionError) => void;

  /** @param socket connected, or on the way to be */
  constructor(socket: Duplex, at: string, clientId: string) {
    this.#socket = socket;
    this.at = at;
    this.#clientId = clientId;
    this.closed = new Promise((resolve) => (this.#onClosed = resolve));
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.once('end', () => this.end(`broker ${at} has closed the connection`));
    socket.once('close', () => this.end(`the connection to broker ${at} was lost`));
    socket.on('error', (error) => this.end(reasonOf(error), { cause: error }));
  }

  get open(): boolean {
    return this.#over === undefined;
  }

  /**
   * Sends a request; several may be under way.
   * @param patience how long in ms the answer may take
   * @throws ConnectionError where there is none
   */
  request<Answer>(request: Request<Answer>, patience: number): Promise<Answer> {
    if (this.#over) return Promise.reject(new ConnectionError(this.#over.message, { sent: false }));
    const id = (this.#lastId = (this.#lastId + 1) & 0x7fff_ffff);
    const writer = new Writer();
    writer.int16(apiKeys[request.api]).int16(request.version).int32(id).string(this.#clientId);
    request.write(writer);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () =>
          this.end(`broker ${this.at} did not answer ${request.api} within ${patience} ms`, { silent: true }),
        patience,
      );
      const answered = (answer: Reader): void => {
        try {
          resolve(request.read(answer));
        } catch (error) {
          reject(this.end(`broker ${this.at} sent an answer that cannot be read`, { cause: error }));
        }
      };
      this.#waiting.push({ id, timer, answered, failed: reject });
      this.#socket.cork();
      for (const part of writer.finish()) this.#socket.write(part);
      this.#socket.uncork();
    });
  }

  /** Ends it at once, with all requests under way; idempotent. Returns why it is over. */
  end(
    reason: string,
    options: { readonly silent?: boolean; readonly cause?: unknown } = {},
  ): ConnectionError {
    if (this.#over) return this.#over;
    const interrupts = this.#waiting.length > 0;
    const error = (this.#over = new ConnectionError(reason, { ...options, interrupts }));
    this.#socket.destroy();
    for (const { timer, failed } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      failed(error);
    }
    this.#chunks = [];
    this.#onClosed(error);
    return error;
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    while (this.#bytes >= this.#needed && !this.#over) {
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
      if (this.#needed === 4) {
        const size = all.readInt32BE(0);
        if (size < 4 || size > largestAnswer)
          return void this.end(`${this.at} does not answer as a Kafka broker does`);
        this.#needed = 4 + size;
        this.#chunks = [all];
        continue;
      }
      const rest = all.subarray(this.#needed);
      this.#answer(new Reader(all.subarray(4, this.#needed)));
      this.#needed = 4;
      this.#chunks = [rest];
      this.#bytes = rest.length;
    }
  }

  #answer(answer: Reader): void {
    const id = answer.int32();
    const waiting = this.#waiting.shift();
    if (waiting?.id !== id) {
      if (waiting) this.#waiting.unshift(waiting);
      return void this.end(`broker ${this.at} answered out of turn`);
    }
    clearTimeout(waiting.timer);
    waiting.answered(answer);
  }
}

/** What an error of a socket says; those of several addresses say it in their code only. */
function reasonOf(error: Error & { readonly code?: string }): string {
  return error.message || (error.code ?? 'the connection failed');
}
