import { Method } from '../codec/methods.ts';
import { Malformed, type Reader } from '../codec/reader.ts';
import { readTable, writeTable, type Field, type Table } from '../codec/table.ts';
import type { Output } from './output.ts';

/** AMQP 0-9-1 §4.2.2. */
export const protocolHeader = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1');

export interface Login {
  /** Undefined: by the certificate (EXTERNAL). */
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly vhost: string;
  /** Seconds between signs of life; 0 for none. */
  readonly heartbeat: number;
  /** Shown in the broker's list of connections. */
  readonly name: string;
}

export interface Tuning {
  readonly channelMax: number;
  /** Octets of a frame, at most. */
  readonly frameMax: number;
  /** Seconds; 0 for none. */
  readonly heartbeat: number;
}

/** RabbitMQ's own default, and what we ask for where the broker sets no bound. */
export const defaultFrameMax = 131_072;

const yes: Field = { tag: 't', value: true };
const text = (value: string): Field => ({ tag: 'S', value });

/** What the broker is told about us. `authentication_failure_close` makes it say why it refuses a login. */
const clientProperties = (name: string): Table => [
  ['product', text('Junction')],
  ['connection_name', text(name)],
  [
    'capabilities',
    {
      tag: 'F',
      value: [
        ['publisher_confirms', yes],
        ['basic.nack', yes],
        ['consumer_cancel_notify', yes],
        ['connection.blocked', yes],
        ['authentication_failure_close', yes],
        ['exchange_exchange_bindings', yes],
      ],
    },
  ],
];

/** The opening of a connection (§2.2.4), one method of the broker's after the other. */
export class Handshake {
  readonly #out: Output;
  readonly #login: Login;
  #next: number = Method.connectionStart;
  #tuning: Tuning | undefined;

  constructor(out: Output, login: Login) {
    this.#out = out;
    this.#login = login;
    out.raw(protocolHeader);
  }

  /**
   * Answers a method.
   * @returns what was agreed on, once the connection is open
   * @throws Malformed, RangeError, or an Error that says what is wrong
   */
  take(method: number, args: Reader): Tuning | undefined {
    if (method === Method.connectionSecure)
      throw new Error('RabbitMQ asks for more than a name and a password, which is not supported');
    if (method !== this.#next) throw new Malformed('the broker does not keep to the opening of a connection');
    switch (method) {
      case Method.connectionStart:
        this.#start(args);
        this.#next = Method.connectionTune;
        return undefined;
      case Method.connectionTune:
        this.#tune(args);
        this.#next = Method.connectionOpenOk;
        return undefined;
      default:
        return this.#tuning;
    }
  }

  #start(args: Reader): void {
    args.short(); // the version, which the protocol header has settled
    readTable(args);
    const offered = args.longBytes().toString('latin1').split(' ');
    const { username, password, name } = this.#login;
    const mechanism = username === undefined ? 'EXTERNAL' : 'PLAIN';
    if (!offered.includes(mechanism))
      throw new Error(`RabbitMQ does not offer to log in by ${mechanism}, only by ${offered.join(', ')}`);
    this.#out.method(0, Method.connectionStartOk, (writer) => {
      writeTable(writer, clientProperties(name));
      writer.shortString(mechanism);
      writer.longString(username === undefined ? '' : `\0${username}\0${password ?? ''}`);
      writer.shortString('en_US');
    });
  }

  #tune(args: Reader): void {
    const channelMax = args.short() || 65_535;
    const offered = args.long() || defaultFrameMax;
    const frameMax = Math.min(offered, defaultFrameMax);
    if (frameMax < 4096)
      throw new Malformed(`the broker offers frames of ${frameMax} octets; 4096 is the least`);
    args.short(); // the broker's wish; the heartbeat is what the client answers
    const { heartbeat, vhost } = this.#login;
    this.#tuning = { channelMax, frameMax, heartbeat };
    this.#out.method(0, Method.connectionTuneOk, (writer) => {
      writer.short(channelMax);
      writer.long(frameMax);
      writer.short(heartbeat);
    });
    this.#out.method(0, Method.connectionOpen, (writer) => {
      writer.shortString(vhost);
      writer.shortString('');
      writer.octet(0);
    });
  }
}
