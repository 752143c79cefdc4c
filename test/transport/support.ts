import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import mqttPacket from 'mqtt-packet';
import { WebSocket } from 'ws';
import { accepted } from '../../src/core/outcome.ts';
import type { Endpoint, Protocol } from '../../src/core/protocol.ts';
import amqp from '../../src/protocols/amqp/index.ts';
import mqtt from '../../src/protocols/mqtt/index.ts';
import stomp from '../../src/protocols/stomp/index.ts';
import { makeCertificates, type Certificates } from '../brokers/certificates.ts';
import { keptLog, until } from '../helpers.ts';

/** A protocol's listener as a stranger sees it: a first word, and how the answer to it begins. */
export interface Kind {
  readonly name: string;
  readonly protocol: Protocol;
  readonly hello: Buffer;
  readonly answer: Buffer;
  readonly subprotocol: string;
}

export const kinds: readonly Kind[] = [
  {
    name: 'MQTT',
    protocol: mqtt,
    hello: mqttPacket.generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: 'x',
      keepalive: 0,
    }),
    answer: Buffer.of(0x20, 2, 0, 0),
    subprotocol: 'mqtt',
  },
  {
    name: 'AMQP',
    protocol: amqp,
    hello: Buffer.from('AMQP\x00\x01\x00\x00', 'latin1'),
    answer: Buffer.from('AMQP\x00\x01\x00\x00', 'latin1'),
    subprotocol: 'amqp',
  },
  {
    name: 'STOMP',
    protocol: stomp,
    hello: Buffer.from('CONNECT\naccept-version:1.2\nhost:x\n\n\0'),
    answer: Buffer.from('CONNECTED\n'),
    subprotocol: 'v12.stomp',
  },
];

let made: Promise<Certificates> | undefined;

/** One set of certificates for all tests of a file. */
export const certificates = (): Promise<Certificates> => (made ??= makeCertificates());

/** Settings of a listener with the server's certificate. */
export const serverTls = async (more: object = {}): Promise<object> => {
  const { cert, key } = await certificates();
  return { cert, key, ...more };
};

const open: (() => unknown)[] = [];

/** To be done by `closeAll`. */
export const atEnd = (close: () => unknown): void => void open.push(close);

/** Closes what a test opened: clients first, then their listeners. Node runs an `after` of a helper only when nothing is open any more. */
export async function closeAll(): Promise<void> {
  for (const close of open.splice(0).reverse()) await close();
}

export interface Running {
  readonly endpoint: Endpoint;
  readonly log: ReturnType<typeof keptLog>;
  /** Of `listen`. */
  readonly port: number;
  /** Of the WebSocket; empty where there is none. */
  readonly url: string;
}

/** A listener on free ports; the caller closes it. */
export async function start({ protocol }: Pick<Kind, 'protocol'>, settings: object = {}): Promise<Running> {
  const log = keptLog();
  const role = protocol.listener!;
  const endpoint = role.create(role.config.parse({ listen: '127.0.0.1:0', ...settings }), {
    name: 'listener',
    log,
  });
  await endpoint.open();
  await endpoint.source.start({
    patterns: [],
    readerOf: () => undefined,
    deliver: () => Promise.resolve(accepted),
  });
  const { at } = endpoint.status();
  return {
    endpoint,
    log,
    port: Number(/:(\d+)/.exec(at)![1]),
    url: /wss?:\/\/\S+/.exec(at)?.[0] ?? '',
  };
}

/** What one client got, and whether it is closed. */
export class Client {
  readonly stream: Duplex;
  got = Buffer.alloc(0);
  closed = false;
  /** What went wrong, as the client sees it. */
  error = '';

  constructor(stream: Duplex) {
    this.stream = stream;
    stream.on('data', (chunk: Buffer) => (this.got = Buffer.concat([this.got, chunk])));
    stream.on('error', (error) => (this.error = error.message));
    stream.on('end', () => (this.closed = true));
    stream.on('close', () => (this.closed = true));
  }

  /** Says hello and waits for the answer. */
  async greet({ hello, answer, name }: Kind): Promise<void> {
    this.stream.write(hello);
    await until(() => this.got.length >= answer.length || this.closed, `${name}'s answer`);
    if (!this.got.subarray(0, answer.length).equals(answer))
      throw new Error(`${name} answered ${this.got.toString('latin1')} ${this.error}`);
  }
}

export async function tcp(port: number): Promise<Client & { readonly stream: Socket }> {
  const socket = connectTcp(port, '127.0.0.1');
  await once(socket, 'connect');
  return new Client(socket) as Client & { readonly stream: Socket };
}

/** Does not wait for the handshake, which may fail. */
export async function tls(port: number, options: ConnectionOptions = {}): Promise<Client> {
  const { ca } = await certificates();
  return new Client(connectTls({ port, host: '127.0.0.1', ca, ...options }));
}

/** How a WebSocket's handshake ended: open, or the status of the answer. */
export async function webSocket(
  url: string,
  subprotocols: readonly string[],
  options: ConnectionOptions = {},
): Promise<{ socket: WebSocket; status: number | 'open' }> {
  const { ca } = await certificates();
  const socket = new WebSocket(url, [...subprotocols], { ca, ...options });
  socket.on('error', () => {});
  const status = await new Promise<number | 'open'>((resolve) => {
    socket.once('open', () => resolve('open'));
    socket.once('unexpected-response', (_request, response) => {
      resolve(response.statusCode!);
      response.destroy();
      socket.terminate();
    });
  });
  return { socket, status };
}
