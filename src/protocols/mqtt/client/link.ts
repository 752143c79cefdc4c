import type { Duplex } from 'node:stream';
import type { MqttClient as Library } from 'mqtt';
import { dial, type BrokerUrl } from '../../../transport/dial.ts';
import { encodeDisconnect, readAck } from '../codec/acks.ts';
import { readConnack, type Connack } from '../codec/connack.ts';
import { Cursor } from '../codec/cursor.ts';
import { PacketReader } from '../codec/packet-reader.ts';
import { Type, type Level } from '../codec/packet-types.ts';
import { readPublish, TopicNames, type Publish } from '../codec/publish.ts';
import { malformed, protocolError, Violation } from '../codec/violation.ts';
import { ClientStream } from '../stream/client-stream.ts';
import { Writer } from '../stream/writer.ts';
import type { MqttClientConfig } from './config.ts';

/** How long, in ms, the broker may take to read our last words. */
const farewell = 400;
/** Identifiers from here on are the library's, for SUBSCRIBE; those below are ours, for PUBLISH. */
export const firstLibraryId = 65_001;

/** Where the packets of a link go that are about messages. */
export interface LinkHost {
  /** The broker has accepted us; its first messages follow, perhaps before `connected`. */
  begin(connack: Connack): void;
  /** It can be written to. */
  connected(link: Link, connack: Connack): void;
  publish(link: Link, publish: Publish): void;
  /** @param type PUBACK, PUBREC, PUBREL or PUBCOMP */
  ack(link: Link, type: number, id: number, reason: number): void;
  /** What was written has gone out. */
  drained(): void;
}

/**
 * One connection to a broker. mqtt.js does the handshake, subscriptions and keep-alive; packets about messages do not
 * pass through it, because it acknowledges what it has not finished with, or else stands still until it has.
 */
export class Link {
  /** Resolves with the reason once it is over. */
  readonly closed: Promise<string>;
  readonly level: Level;
  readonly #config: MqttClientConfig;
  readonly #clientId: string;
  readonly #host: LinkHost;
  readonly #reader: PacketReader;
  readonly #names = new TopicNames();
  readonly #aliases: (string | undefined)[] = [];
  readonly #stage: ClientStream;
  #socket: Duplex | undefined;
  #writer: Writer | undefined;
  #library: Library | undefined;
  #accepted = false;
  #over = false;
  #onClosed!: (reason: string) => void;

  constructor(config: MqttClientConfig, clientId: string, host: LinkHost) {
    this.#config = config;
    this.#clientId = clientId;
    this.#host = host;
    this.level = config.version;
    this.#reader = new PacketReader(config.max_message + 65_536);
    this.#stage = new ClientStream({
      written: (chunk) => this.#writer?.write(chunk),
      // the library destroys the stream before it says why
      streamClosed: () => setImmediate(() => this.#end('the broker does not answer')),
    });
    this.closed = new Promise((resolve) => (this.#onClosed = resolve));
  }

  /** Bytes not yet taken by the network. */
  get pending(): number {
    return this.#writer?.pending ?? 0;
  }

  /** Begins to connect; how that ends shows in `connected` or `closed`. */
  async open(url: BrokerUrl): Promise<void> {
    const { MqttClient } = await import('mqtt');
    if (this.#over) return;
    const socket = (this.#socket = await dial(url, {
      tls: this.#config.tls,
      timeout: this.#config.connect_timeout,
      subprotocols: ['mqtt'], // [MQTT-6.0.0-3]
    }));
    this.#writer = new Writer(socket);
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.#host.drained());
    socket.on('error', (error: Error) =>
      this.#end(error.message || String((error as { code?: unknown }).code)),
    );
    socket.on('end', () => this.#end('the broker closed the connection'));
    socket.on('close', () => this.#end('the connection was lost'));
    if (this.#over) {
      socket.destroy();
      return;
    }
    this.#library = this.#handshake(MqttClient);
  }

  write(packet: Buffer): void {
    if (!this.#over) this.#writer?.write(packet);
  }

  /** @throws Error where the broker refuses one of the filters */
  async subscribe(filters: readonly string[]): Promise<void> {
    // Retained messages are wanted once, not at every reconnect, and marked as such.
    const options = { qos: this.#config.qos, rh: 1, rap: true };
    const granted = await this.#library!.subscribeAsync(
      Object.fromEntries(filters.map((filter) => [filter, options])),
    );
    const refused = granted.find(({ qos }) => qos >= 0x80);
    if (refused) throw new Error(`the broker refuses a subscription to ${refused.topic}`);
  }

  /** Ends it in order: the broker keeps the session. */
  async close(): Promise<void> {
    if (this.#accepted) this.write(Buffer.from([Type.disconnect, 0]));
    const socket = this.#socket;
    this.#end('closed');
    if (!socket || socket.closed) return;
    const late = setTimeout(() => socket.destroy(), farewell);
    await new Promise<void>((resolve) => socket.once('close', () => resolve()));
    clearTimeout(late);
  }

  #handshake(MqttClient: typeof Library): Library {
    const { version, session, session_expiry, window, max_message, username, password } = this.#config;
    let id = firstLibraryId - 1;
    const library = new MqttClient(() => this.#stage, {
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId: this.#clientId,
      clean: session === 'clean',
      keepalive: Math.round(this.#config.keep_alive / 1000),
      connectTimeout: this.#config.connect_timeout,
      reconnectPeriod: 0,
      resubscribe: false,
      queueQoSZero: false,
      messageIdProvider: {
        allocate: () => (id = id === 65_535 ? firstLibraryId : id + 1),
        getLastAllocated: () => id,
        register: () => true,
        deallocate: () => undefined,
        clear: () => undefined,
      },
      ...(username === undefined ? undefined : { username }),
      ...(password === undefined ? undefined : { password }),
      ...(version === 5 && {
        properties: {
          receiveMaximum: window,
          maximumPacketSize: max_message + 65_536,
          ...(session === 'persistent' && {
            sessionExpiryInterval: Math.min(0xffff_fffe, Math.ceil(session_expiry / 1000)),
          }),
        },
      }),
    });
    library.on('error', (error) => this.#end(error.message));
    library.on('disconnect', (packet) =>
      this.#end(`the broker ended the connection (reason 0x${(packet.reasonCode ?? 0).toString(16)})`),
    );
    return library;
  }

  #read(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
      while (!this.#over && this.#reader.next(checkServerHead)) this.#packet();
    } catch (error) {
      if (error instanceof Violation && this.level === 5 && this.#accepted)
        this.write(encodeDisconnect(error.reason));
      this.#end(`the broker sent what MQTT does not allow: ${String(error)}`);
    }
  }

  #packet(): void {
    const { head, bytes, packetStart, start, end } = this.#reader;
    const type = head & 0xf0;
    switch (type) {
      case Type.publish:
        this.#host.publish(
          this,
          readPublish(head, bytes, start, end, this.level, this.#names, this.#aliases),
        );
        return;
      case Type.puback:
      case Type.pubrec:
      case Type.pubrel:
      case Type.pubcomp: {
        const { id, reason } = readAck(type, new Cursor(bytes, start, end), this.level);
        this.#host.ack(this, type, id, reason);
        return;
      }
      case Type.connack: {
        // Read here as well, because messages may follow in the same chunk.
        const connack = readConnack(new Cursor(bytes, start, end), this.level);
        this.#stage.push(bytes.subarray(packetStart, end));
        if (connack.code !== 0 || this.#accepted) return;
        this.#accepted = true;
        this.#host.begin(connack);
        this.#library!.once('connect', () => this.#host.connected(this, connack));
        return;
      }
      default:
        this.#stage.push(bytes.subarray(packetStart, end));
    }
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#writer?.end();
    this.#over = true;
    this.#onClosed(reason);
    this.#stage.destroy();
    this.#library?.end(true);
    const socket = this.#socket;
    if (reason !== 'closed') socket?.destroy();
  }
}

/** @throws Violation for what a broker does not send */
function checkServerHead(head: number): void {
  switch (head & 0xf0) {
    case Type.publish:
      if ((head & 0x06) === 0x06) throw malformed('a PUBLISH with QoS 3'); // [MQTT-3.3.1-4]
      return;
    case Type.connect:
    case Type.subscribe:
    case Type.unsubscribe:
    case Type.pingreq:
    case 0:
      throw protocolError(`a packet of type ${head >> 4}, which a server does not send`);
  }
}
