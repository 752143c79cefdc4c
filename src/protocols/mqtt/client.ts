import { setTimeout as pause } from 'node:timers/promises';
import { clientSettings } from '../../client/settings.ts';
import { Backoff } from '../../core/backoff.ts';
import type { Context, Endpoint, EndpointState, EndpointStatus, Traits } from '../../core/protocol.ts';
import { takingUpTo } from '../../core/sizes.ts';
import type { MqttClientConfig } from './client/config.ts';
import { Link, type LinkHost } from './client/link.ts';
import { MqttSink } from './client/sink.ts';
import { MqttSource } from './client/source.ts';
import type { Connack } from './codec/connack.ts';
import { Type } from './codec/packet-types.ts';
import type { Publish } from './codec/publish.ts';
import { mqtt3Traits, mqttTraits } from './traits.ts';

/** What is released is tried again here, for a broker cannot be given it back. */
export const mqttClientTraits: Traits = { ...mqttTraits, redelivers: true };
export const mqtt3ClientTraits: Traits = { ...mqtt3Traits, redelivers: true };

/** What a client that is configured so holds, and whether all that is meant for it arrives. */
export function mqttTraitsOf({ version, qos, session, max_message }: MqttClientConfig): Traits {
  const held = version === 5 ? mqttClientTraits : mqtt3ClientTraits;
  const traits = takingUpTo(held, clientSettings.max_message, max_message);
  if (qos > 0 && session === 'persistent') return traits;
  return { ...traits, losesMessages: qos === 0 ? 'qos: 0' : 'session: clean' };
}

/** How long, in ms, to wait before a refused subscription is asked for again. */
const subscribeAgain = 5000;

/** The connection to an MQTT broker: one session, over as many connections as it takes. */
export class MqttBrokerClient implements Endpoint, LinkHost {
  readonly source: MqttSource;
  readonly sink: MqttSink;
  readonly #config: MqttClientConfig;
  readonly #context: Context;
  readonly #closing = new AbortController();
  readonly #backoff = new Backoff(100, 10_000);
  readonly #at: string;
  #link: Link | undefined;
  #running: Promise<void> | undefined;
  #state: EndpointState = 'connecting';
  #reason: string | undefined;
  #unsubscribed: string | undefined;
  #subscribed = false;
  #subscribing: NodeJS.Timeout | undefined;

  constructor(config: MqttClientConfig, context: Context) {
    this.#config = config;
    this.#context = context;
    this.#at = config.url.map(({ text }) => text).join(',');
    this.sink = new MqttSink(config);
    this.source = new MqttSource(config, context.log, () => this.#subscribeFirst());
  }

  open(): Promise<void> {
    this.#running ??= this.#run();
    return Promise.resolve();
  }

  status(): EndpointStatus {
    const trouble = this.#state === 'ready' ? (this.#unsubscribed ?? this.source.trouble) : this.#reason;
    return {
      state: this.#state === 'ready' && trouble !== undefined ? 'failing' : this.#state,
      at: this.#at,
      ...(trouble === undefined ? undefined : { reason: trouble }),
    };
  }

  async close(): Promise<void> {
    this.source.close();
    this.#closing.abort();
    await this.#running;
    this.sink.close();
    this.#state = 'closed';
    this.#reason = undefined;
  }

  connected(link: Link, connack: Connack): void {
    if (this.#closing.signal.aborted) return;
    if (this.#state !== 'ready') this.#context.log.info({ broker: this.#at }, 'connected to the MQTT broker');
    this.#state = 'ready';
    this.#reason = undefined;
    this.#link = link;
    if (!connack.sessionPresent) this.#subscribed = false;
    this.sink.attach(link, connack);
    // MQTT 3.1.1 sends retained messages at every subscription: a session that has ours is left as it is.
    if (!this.#subscribed || link.level === 5) void this.#subscribe(link);
  }

  /** The session is resumed or new, as CONNACK says, before the first message of the connection is looked at. */
  begin(connack: Connack): void {
    this.source.attach(connack.sessionPresent);
  }

  publish(link: Link, publish: Publish): void {
    this.source.take(link, publish);
  }

  ack(link: Link, type: number, id: number, reason: number): void {
    if (type === Type.puback) {
      this.#backoff.reset();
      this.sink.acknowledged(id, reason);
    } else if (type === Type.pubrel) this.source.released(link, id);
  }

  drained(): void {
    this.sink.pump();
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const clientId = this.#config.client_id ?? `junction-${this.#context.name}`;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const link = new Link(this.#config, clientId, this);
      const close = (): void => void link.close();
      signal.addEventListener('abort', close);
      const since = performance.now();
      const url = this.#config.url[attempt % this.#config.url.length]!;
      const reason = await Promise.race([link.open(url).then(() => link.closed), link.closed]).catch(String);
      signal.removeEventListener('abort', close);
      clearTimeout(this.#subscribing);
      this.#link = undefined;
      this.sink.detach();
      if (signal.aborted) {
        await link.close();
        return;
      }
      this.#failing(reason);
      if (performance.now() - since > 30_000) this.#backoff.reset();
      await pause(this.#backoff.next(), undefined, { signal }).catch(() => undefined);
    }
  }

  /** A broker that does not answer must not keep the gateway from starting. */
  async #subscribeFirst(): Promise<void> {
    if (!this.#link) return;
    const waiting = new AbortController();
    const { signal } = waiting;
    await Promise.race([
      this.#subscribe(this.#link),
      pause(this.#config.connect_timeout, undefined, { signal }).catch(() => undefined),
    ]);
    waiting.abort();
  }

  async #subscribe(link: Link): Promise<void> {
    const filters = this.source.filters;
    if (filters.length === 0) return;
    try {
      await link.subscribe(filters);
      this.#subscribed = true;
      this.#unsubscribed = undefined;
    } catch (error) {
      if (link !== this.#link) return;
      const first = this.#unsubscribed === undefined;
      this.#unsubscribed = error instanceof Error ? error.message : String(error);
      if (first)
        this.#context.log.warn(
          { filters, reason: this.#unsubscribed },
          'cannot subscribe at the MQTT broker',
        );
      this.#subscribing = setTimeout(() => void this.#subscribe(link), subscribeAgain);
    }
  }

  #failing(reason: string): void {
    const first = this.#state === 'ready' || this.#reason === undefined;
    this.#state = 'failing';
    this.#reason = reason;
    if (first)
      this.#context.log.warn(
        { broker: this.#at, reason },
        'no connection to the MQTT broker; trying again until it is back',
      );
  }
}
