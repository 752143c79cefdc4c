import { createHmac, randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { Metadata } from '@grpc/grpc-js';
import type { RocketMqClientConfig } from './config.ts';
import { definition, durationOf, resource, service } from './wire.ts';

/** Ms that a request for messages may wait for some: the most that proxies allow. */
export const pollTime = 20_000;

/** Who we are to the proxies: a producer, or a member of a consumer group. */
export class Identity {
  readonly #config: RocketMqClientConfig;
  /** Of a consumer: the tag expression of each topic. */
  readonly #subscriptions: ReadonlyMap<string, string> | undefined;
  readonly #id = `junction-${randomUUID()}`;
  #metadata = new Metadata();
  #second = -1;

  constructor(config: RocketMqClientConfig, subscriptions?: ReadonlyMap<string, string>) {
    this.#config = config;
    this.#subscriptions = subscriptions;
  }

  /** What goes with every request. It is signed with the time in seconds, so it serves for a second. */
  metadata(): Metadata {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#metadata = this.#sign(
        `${new Date(second * 1000).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`,
      );
    }
    return this.#metadata;
  }

  settings(at: string): definition.Settings {
    const { group, namespace, timeout } = this.#config;
    const settings = new definition.Settings()
      .setClientType(this.#clientType)
      .setAccessPoint(endpointsOf(at))
      .setRequestTimeout(durationOf(timeout))
      .setUserAgent(
        new definition.UA().setLanguage(definition.Language.NODE_JS).setVersion('5.0.0').setPlatform('node'),
      );
    if (!this.#subscriptions)
      return settings.setPublishing(new definition.Publishing().setValidateMessageType(true));
    const subscription = new definition.Subscription()
      .setGroup(resource(group, namespace))
      .setLongPollingTimeout(durationOf(pollTime));
    for (const [topic, tags] of this.#subscriptions)
      subscription.addSubscriptions().setTopic(resource(topic, namespace)).setExpression(tagFilter(tags));
    return settings.setSubscription(subscription);
  }

  heartbeat(): service.HeartbeatRequest {
    const request = new service.HeartbeatRequest().setClientType(this.#clientType);
    return this.#subscriptions ? request.setGroup(this.#group) : request;
  }

  termination(): service.NotifyClientTerminationRequest {
    const request = new service.NotifyClientTerminationRequest();
    return this.#subscriptions ? request.setGroup(this.#group) : request;
  }

  get #group(): definition.Resource {
    return resource(this.#config.group, this.#config.namespace);
  }

  get #clientType(): definition.ClientType {
    return this.#subscriptions ? definition.ClientType.SIMPLE_CONSUMER : definition.ClientType.PRODUCER;
  }

  #sign(time: string): Metadata {
    const { username, password, namespace } = this.#config;
    const metadata = new Metadata();
    metadata.set('x-mq-protocol', 'v2');
    metadata.set('x-mq-client-id', this.#id);
    metadata.set('x-mq-date-time', time);
    // brokers know only some languages; those of clients by HTTP/2 they do not tell apart
    metadata.set('x-mq-language', 'HTTP');
    metadata.set('x-mq-client-version', '5.0.0');
    if (namespace !== '') metadata.set('x-mq-namespace', namespace);
    if (username !== undefined && password !== undefined) {
      const signature = createHmac('sha1', password).update(time).digest('hex').toUpperCase();
      metadata.set(
        'authorization',
        `MQv2-HMAC-SHA1 Credential=${username}, SignedHeaders=x-mq-date-time, Signature=${signature}`,
      );
    }
    return metadata;
  }
}

export const tagFilter = (expression: string): definition.FilterExpression =>
  new definition.FilterExpression().setType(definition.FilterType.TAG).setExpression(expression);

/** `host:port` in RocketMQ's form. */
export function endpointsOf(at: string): definition.Endpoints {
  const colon = at.lastIndexOf(':');
  const host = at.slice(0, colon);
  const schemes = {
    0: definition.AddressScheme.DOMAIN_NAME,
    4: definition.AddressScheme.IPV4,
    6: definition.AddressScheme.IPV6,
  };
  return new definition.Endpoints()
    .setScheme(schemes[isIP(host) as 0 | 4 | 6])
    .setAddressesList([new definition.Address().setHost(host).setPort(Number(at.slice(colon + 1)))]);
}
