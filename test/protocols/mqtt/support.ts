import { connect as connectSocket, type Socket } from 'node:net';
import { once } from 'node:events';
import mqttPacket, { type IConnectPacket, type Packet } from 'mqtt-packet';
import { connect, type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt';
import mqtt from '../../../src/protocols/mqtt/index.ts';
import type { Endpoint, Intake } from '../../../src/core/protocol.ts';
import type { Outcome } from '../../../src/core/outcome.ts';
import type { Envelope } from '../../../src/core/envelope.ts';
import type { EndpointStorage } from '../../../src/core/storage.ts';
import { keptLog, until } from '../../helpers.ts';

export type Version = 3 | 4 | 5;

/** Routes that read every topic below `routed/`, with the outcome in the hand of the test. */
export class Routes implements Intake {
  readonly patterns = [];
  readonly taken: Envelope[] = [];
  readonly held: ((outcome: Outcome) => void)[] = [];
  readerOf(address: string): string | undefined {
    return address.startsWith('routed/') ? 'test' : undefined;
  }
  deliver(envelope: Envelope): Promise<Outcome> {
    this.taken.push(envelope);
    return new Promise((resolve) => this.held.push(resolve));
  }
}

export interface Bench {
  readonly endpoint: Endpoint;
  readonly routes: Routes;
  readonly log: ReturnType<typeof keptLog>;
  readonly port: number;
  client(version: Version, options?: IClientOptions): Promise<MqttClient>;
  raw(): Promise<Raw>;
  /** A raw connection that the listener has accepted. */
  connected(version: Version, over?: Partial<IConnectPacket>): Promise<Raw>;
}

export interface Got {
  readonly topic: string;
  readonly body: string;
  readonly packet: IPublishPacket;
}

const inboxes = new WeakMap<MqttClient, Got[]>();

/** All messages that a client has got. */
export const inbox = (client: MqttClient): readonly Got[] => inboxes.get(client)!;

/** Connects mqtt.js; resolves once it is connected. */
export async function connectClient(url: string, options: IClientOptions): Promise<MqttClient> {
  const client = connect(url, options);
  const got: Got[] = [];
  inboxes.set(client, got);
  client.on('message', (topic, body, packet) => got.push({ topic, body: body.toString(), packet }));
  await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject));
  client.on('error', () => {});
  return client;
}

let clients = 0;
const opened: (() => Promise<void>)[] = [];

/** Closes every listener and client of a test. */
export async function closeAll(): Promise<void> {
  for (const close of opened.splice(0)) await close();
}

/**
 * A listener on a port of its own, with routes.
 * @param storage what it keeps over restarts
 */
export async function openListener(
  settings: Record<string, unknown> = {},
  storage?: EndpointStorage,
): Promise<Bench> {
  const log = keptLog();
  const role = mqtt.listener!;
  const config = role.config.parse({ listen: '127.0.0.1:0', ...settings });
  const endpoint = role.create(config, { name: 'mqtt', log, ...(storage ? { storage } : {}) });
  const routes = new Routes();
  await endpoint.open();
  await endpoint.source.start(routes);
  const port = Number(/:(\d+)/.exec(endpoint.status().at)![1]);
  const open: { close(): unknown }[] = [];
  opened.push(async () => {
    for (const client of open) client.close();
    await endpoint.close();
  });
  const raw = async (): Promise<Raw> => {
    const socket = connectSocket(port, '127.0.0.1');
    await once(socket, 'connect');
    const client = new Raw(socket);
    open.push(client);
    return client;
  };
  return {
    endpoint,
    routes,
    log,
    port,
    raw,
    async client(version, options = {}) {
      const client = await connectClient(`mqtt://127.0.0.1:${port}`, {
        ...clientOptions(version),
        ...options,
      });
      open.push({ close: () => client.end(true) });
      return client;
    },
    async connected(version, over = {}) {
      const client = await raw();
      client.version = version;
      client.send({
        cmd: 'connect',
        protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
        protocolVersion: version,
        clean: true,
        keepalive: 0,
        clientId: `raw${++clients}`,
        ...over,
      });
      await client.next('connack');
      return client;
    },
  };
}

export const clientOptions = (version: Version): IClientOptions => ({
  protocolVersion: version,
  ...(version === 3 ? { protocolId: 'MQIsdp' } : {}),
  clientId: `js${++clients}`,
  reconnectPeriod: 0,
});

/** A client that sends what the test says, byte for byte, and reads with mqtt-packet. */
export class Raw {
  readonly socket: Socket;
  readonly packets: Packet[] = [];
  version: Version = 4;
  closed = false;
  #read = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    const parser = mqttPacket.parser();
    let versioned = false;
    parser.on('packet', (packet) => this.packets.push(packet));
    parser.on('error', () => {});
    socket.on('data', (chunk) => {
      if (!versioned && this.version === 5) {
        (parser as unknown as { settings: object }).settings = { protocolVersion: 5 };
        versioned = true;
      }
      parser.parse(chunk);
    });
    socket.on('error', () => (this.closed = true));
    socket.on('end', () => (this.closed = true));
    socket.on('close', () => (this.closed = true));
  }

  send(...packets: Packet[]): void {
    this.socket.write(
      Buffer.concat(packets.map((p) => mqttPacket.generate(p, { protocolVersion: this.version }))),
    );
  }

  publish(topic: string, payload: string | Buffer, qos: 0 | 1 | 2, messageId = 0, dup = false): void {
    this.send({ cmd: 'publish', topic, payload, qos, messageId, dup, retain: false });
  }

  /** The next packet, which must be of this kind. */
  async next<Cmd extends Packet['cmd']>(cmd: Cmd): Promise<Extract<Packet, { cmd: Cmd }>> {
    await until(() => this.packets.length > this.#read, `a ${cmd}`);
    const packet = this.packets[this.#read++]!;
    if (packet.cmd !== cmd) throw new Error(`expected ${cmd}, got ${JSON.stringify(packet)}`);
    return packet as Extract<Packet, { cmd: Cmd }>;
  }

  /** How many packets came that no one has asked for. */
  get unread(): number {
    return this.packets.length - this.#read;
  }

  /** Lets go of the packets that came so far. */
  forget(): void {
    this.packets.length = 0;
    this.#read = 0;
  }

  /** Resolves once everything sent before has been handled. */
  async ping(): Promise<void> {
    const before = this.packets.filter((p) => p.cmd === 'pingresp').length;
    this.send({ cmd: 'pingreq' });
    await until(() => this.packets.filter((p) => p.cmd === 'pingresp').length > before, 'a PINGRESP');
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A UTF-8 string as MQTT writes it. */
export const str = (text: string | Buffer): Buffer => {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 255]), bytes]);
};

/** A packet from its first byte and its body. */
export function packet(head: number, ...body: (Buffer | number[])[]): Buffer {
  const bytes = Buffer.concat(body.map((part) => Buffer.from(part)));
  const length: number[] = [];
  let rest = bytes.length;
  do {
    length.push((rest & 127) | (rest > 127 ? 128 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from([head, ...length]), bytes]);
}
