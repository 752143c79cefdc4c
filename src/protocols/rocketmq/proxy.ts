import { createSecureContext } from 'node:tls';
import { isIP } from 'node:net';
import { credentials, status, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import type { ClientTls } from '../../transport/tls.ts';
import { withoutUndefined } from '../../transport/tls.ts';
import { CallTimeout, ConnectionLost, RocketMqError } from './errors.ts';
import type { Identity } from './identity.ts';
import { Code, service, stub, type definition, type Stub } from './wire.ts';

/** Ms between two signs of life, which brokers expect within two minutes. */
const heartbeat = 10_000;
/** Ms for the word of parting. */
const parting = 1000;

/** The calls with one answer: what they ask and what they are told. */
interface Calls {
  queryRoute: [service.QueryRouteRequest, service.QueryRouteResponse];
  heartbeat: [service.HeartbeatRequest, service.HeartbeatResponse];
  sendMessage: [service.SendMessageRequest, service.SendMessageResponse];
  ackMessage: [service.AckMessageRequest, service.AckMessageResponse];
  changeInvisibleDuration: [service.ChangeInvisibleDurationRequest, service.ChangeInvisibleDurationResponse];
  forwardMessageToDeadLetterQueue: [
    service.ForwardMessageToDeadLetterQueueRequest,
    service.ForwardMessageToDeadLetterQueueResponse,
  ];
  notifyClientTermination: [service.NotifyClientTerminationRequest, service.NotifyClientTerminationResponse];
}

/** A method of the generated stub; its overloads hide this one from inference. */
type Unary<Q, A> = (
  this: Stub,
  request: Q,
  metadata: ReturnType<Identity['metadata']>,
  options: { deadline: number },
  callback: (error: ServiceError | null, answer: A) => void,
) => unknown;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ProxyOptions {
  readonly tls: boolean | ClientTls;
  /** The largest answer taken, bytes. */
  readonly maxAnswer: number;
  /** Ms for connecting and logging in. */
  readonly connectTimeout: number;
  /** Ms for an answer. */
  readonly timeout: number;
}

/** The connection of one identity to one proxy. Whatever fails on it ends it; it never mends itself. */
export class ProxyConnection {
  readonly at: string;
  readonly identity: Identity;
  /** Resolves with the reason once it is over. */
  readonly closed: Promise<string>;
  readonly #options: ProxyOptions;
  readonly #stub: Stub;
  readonly #telemetry: ReturnType<Stub['telemetry']>;
  #beat: NodeJS.Timeout | undefined;
  #over: ((reason: string) => void) | undefined;
  #reason: string | undefined;
  #settings: definition.Settings | undefined;

  private constructor(address: Address, identity: Identity, options: ProxyOptions) {
    this.at = `${address.host}:${address.port}`;
    this.identity = identity;
    this.#options = options;
    this.closed = new Promise((resolve) => (this.#over = resolve));
    this.#stub = new stub.MessagingServiceClient(targetOf(address), secrets(options.tls), {
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': options.maxAnswer,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      ...(typeof options.tls === 'object' &&
        options.tls.servername !== undefined && { 'grpc.ssl_target_name_override': options.tls.servername }),
    });
    this.#telemetry = this.#stub.telemetry(identity.metadata());
  }

  /**
   * Connects and logs in.
   * @throws Error with the reason
   */
  static async open(
    address: Address,
    identity: Identity,
    options: ProxyOptions,
    signal: AbortSignal,
  ): Promise<ProxyConnection> {
    const connection = new ProxyConnection(address, identity, options);
    const end = (): void => connection.end('closed');
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    try {
      await connection.#login();
      return connection;
    } finally {
      signal.removeEventListener('abort', end);
    }
  }

  /** What the proxy told this identity to keep to. */
  get settings(): definition.Settings {
    return this.#settings!;
  }

  get over(): boolean {
    return this.#reason !== undefined;
  }

  /**
   * @throws RocketMqError where the answer is not OK, CallTimeout, ConnectionLost
   */
  call<M extends keyof Calls>(
    method: M,
    request: Calls[M][0],
    timeout = this.#options.timeout,
  ): Promise<Calls[M][1]> {
    if (this.#reason !== undefined) return Promise.reject(new ConnectionLost(this.#reason));
    return new Promise((resolve, reject) => {
      const options = { deadline: Date.now() + timeout };
      const unary = this.#stub[method] as unknown as Unary<Calls[M][0], Calls[M][1]>;
      unary.call(this.#stub, request, this.identity.metadata(), options, (error, answer) => {
        const failure = error ? this.#failure(error) : this.refusal(answer.getStatus());
        if (failure) reject(failure);
        else resolve(answer);
      });
    });
  }

  /** Asks for messages; the answer is a stream that the caller listens to, its errors included. */
  receive(request: service.ReceiveMessageRequest, patience: number): ReturnType<Stub['receiveMessage']> {
    const deadline = Date.now() + patience + this.#options.timeout;
    return this.#stub.receiveMessage(request, this.identity.metadata(), { deadline });
  }

  /** What an answer's status amounts to; undefined where it is OK. A login that is no longer good ends it all. */
  refusal(answered: definition.Status | undefined): Error | undefined {
    const code = answered?.getCode() ?? Code.CODE_UNSPECIFIED;
    if (code === Code.OK || code === Code.MULTIPLE_RESULTS) return undefined;
    const message = answered?.getMessage() ?? '';
    if (code !== Code.UNAUTHORIZED) return new RocketMqError(code, message);
    this.end(`it refuses our credentials: ${message}`);
    return new ConnectionLost(this.#reason);
  }

  /** What a failed call amounts to; all but a few kinds end the connection. */
  failureOf(error: ServiceError): Error {
    return this.#failure(error);
  }

  /** Says goodbye, which spares the brokers their wait for our signs of life, and ends. */
  async close(): Promise<void> {
    if (this.#reason === undefined && this.#settings)
      await this.call('notifyClientTermination', this.identity.termination(), parting).catch(() => undefined);
    this.end('closed');
  }

  /** Ends it at once; what is under way fails. */
  end(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    clearInterval(this.#beat);
    this.#telemetry.cancel();
    this.#stub.close();
    this.#over?.(reason);
  }

  /** The telemetry stream stands for the whole connection: its first answer is the login, its end the end. */
  async #login(): Promise<void> {
    const { connectTimeout } = this.#options;
    const timer = setTimeout(() => this.end(`it did not answer within ${connectTimeout} ms`), connectTimeout);
    const telemetry = this.#telemetry;
    telemetry.on('error', (error: ServiceError) => this.end(reasonOf(error)));
    telemetry.on('end', () => this.end('the proxy ended the connection'));
    const first = new Promise<void>((resolve) => {
      telemetry.on('data', (command: service.TelemetryCommand) => {
        const code = command.getStatus()?.getCode() ?? Code.OK;
        if (command.hasSettings()) {
          this.#settings = command.getSettings()!;
          resolve();
        } else if (code !== Code.OK && !this.#settings) {
          this.end(command.getStatus()!.getMessage());
        }
      });
    });
    telemetry.write(new service.TelemetryCommand().setSettings(this.identity.settings(this.at)));
    await Promise.race([first, this.closed]);
    clearTimeout(timer);
    if (this.#reason !== undefined) throw new Error(this.#reason);
    this.#beat = setInterval(() => this.#sign(), heartbeat);
  }

  #sign(): void {
    this.call('heartbeat', this.identity.heartbeat()).catch((error: unknown) => {
      if (error instanceof CallTimeout) this.end('it does not answer any more');
    });
  }

  #failure(error: ServiceError): Error {
    switch (error.code) {
      case status.DEADLINE_EXCEEDED:
        return new CallTimeout(`no answer within ${this.#options.timeout} ms`);
      case status.RESOURCE_EXHAUSTED:
        return new RocketMqError(Code.TOO_MANY_REQUESTS, error.details);
      case status.PERMISSION_DENIED:
        return new RocketMqError(Code.FORBIDDEN, error.details);
      case status.INVALID_ARGUMENT:
        return new RocketMqError(Code.BAD_REQUEST, error.details);
      default:
        this.end(reasonOf(error));
        return new ConnectionLost(this.#reason);
    }
  }
}

const reasonOf = (error: ServiceError): string =>
  error.code === status.UNAUTHENTICATED
    ? `it refuses our credentials: ${error.details}`
    : error.details || error.message;

/** How gRPC names a server. */
function targetOf({ host, port }: Address): string {
  const version = isIP(host);
  if (version === 0) return `dns:${host}:${port}`;
  return version === 4 ? `ipv4:${host}:${port}` : `ipv6:[${host}]:${port}`;
}

function secrets(tls: boolean | ClientTls): ChannelCredentials {
  if (tls === false) return credentials.createInsecure();
  // the name to expect is an option of the channel
  const { ca, cert, key, passphrase } = tls === true ? ({} as ClientTls) : tls;
  return credentials.createFromSecureContext(
    createSecureContext(withoutUndefined({ ca, cert, key, passphrase })),
  );
}
