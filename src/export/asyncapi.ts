import { dirname, relative } from 'node:path';
import type { Configuration } from '../config/load.ts';
import { durationText } from '../core/duration-text.ts';
import type { ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import { conditionText } from '../routing/route/compiled.ts';
import {
  channelAt,
  channelOfPattern,
  channelOfTemplate,
  type ChannelAddress,
  type Parameter,
} from './channels.ts';
import { serversOf } from './servers.ts';

export interface AsyncApiInfo {
  readonly title: string;
  readonly version: string;
}

type Reference = { readonly $ref: string };

interface Channel {
  readonly key: string;
  readonly address: string;
  readonly endpoint: string;
  readonly parameters: ReadonlyMap<string, Parameter>;
}

/**
 * The gateway as an AsyncAPI 3.0 document, as a value of JSON: endpoints are servers, addresses channels, and what
 * routes read and send operations. Each operation that receives has the whole of its route in `x-junction-route`.
 * Secrets are not in it.
 */
export function asyncApi(configuration: Configuration, info: AsyncApiInfo): object {
  const channels = new Channels();
  const operations = new Map<string, object>();
  for (const route of configuration.routes) {
    const { name, from, to } = route;
    operations.set(`${name}.receive`, {
      action: 'receive',
      channel: channels.reference(from.endpoint, channelOfPattern(from.pattern)),
      ...about(route),
      'x-junction-route': extension(route, configuration),
    });
    to.forEach((target, index) =>
      operations.set(to.length === 1 ? `${name}.send` : `${name}.send.${index + 1}`, {
        action: 'send',
        channel: channels.reference(target.endpoint, channelOfTemplate(target.template, from.pattern)),
        ...about(route),
        ...(target.reply && {
          reply: { channel: channels.reference(target.endpoint, channelAt(target.reply.address)) },
        }),
        'x-junction-route': { name, target: index + 1 },
      }),
    );
  }
  const servers = [...configuration.endpoints.values()].map(
    (endpoint) => [endpoint.name, serversOf(endpoint)] as const,
  );
  const owners = [...new Set(configuration.routes.flatMap(({ owner }) => owner ?? []))].sort();
  return {
    asyncapi: '3.0.0',
    info: {
      ...info,
      description: 'Routes of a Junction gateway: what it receives, and where it sends that.',
      ...(owners.length > 0 && { tags: owners.map((name) => ({ name })) }),
    },
    servers: Object.fromEntries(servers.flatMap(([, each]) => [...each])),
    channels: channels.toObject(new Map(servers.map(([name, each]) => [name, [...each.keys()]]))),
    operations: Object.fromEntries(operations),
  };
}

const about = ({ name, description, owner }: ResolvedRoute): object => ({
  title: name,
  ...(description !== undefined && { summary: description }),
  ...(owner !== undefined && { tags: [{ name: owner }] }),
});

/** The route as it was written, as far as it is no secret and people want to know. */
function extension(route: ResolvedRoute, { file }: Configuration): object {
  const { name, owner, from, when, to, deadLetter, spool, dedup } = route;
  return {
    name,
    ...(owner !== undefined && { owner }),
    file: relative(dirname(file), route.file),
    from: { endpoint: from.endpoint, address: from.pattern.text },
    ...(when && { when: conditionText(when) }),
    to: to.map(targetOf),
    ...(deadLetter && { dead_letter: deadLetter }),
    ...(spool && { spool: true }),
    ...(dedup && { dedup: { by: dedup.by.text, window: durationText(dedup.window) } }),
  };
}

const targetOf = ({
  endpoint,
  template,
  key,
  when = [],
  mirror,
  group,
  edits,
  steps = [],
  retry,
  reply,
}: RouteTarget): object => ({
  endpoint,
  ...(template.text !== '' && { address: template.text }),
  ...(key && { key: key.text }),
  ...(when.length > 0 && { when: when.map(conditionText) }),
  ...(mirror !== undefined && { mirror: `${mirror * 100}%` }),
  ...(group && { group: { mode: group.mode, number: group.number + 1 } }),
  ...(edits && editsOf(edits)),
  ...(steps.length > 0 && { steps: steps.map(({ text }) => text) }),
  ...(retry && mirror === undefined && { retry: retryOf(retry) }),
  ...(reply && {
    reply: { address: reply.address, timeout: durationText(reply.timeout), answers: reply.answers },
  }),
});

/** What a header is set to may come from a secret, and is left out. */
function editsOf({ remove, rename, set, ...fields }: NonNullable<RouteTarget['edits']>): object {
  const headers = {
    ...(set.length > 0 && { set: set.map(({ name }) => name) }),
    ...(remove.length > 0 && { remove }),
    ...(rename.size > 0 && { rename: Object.fromEntries(rename) }),
  };
  const { contentType, subject, correlationId, replyTo, priority, ttl, durable } = fields;
  return {
    ...(Object.keys(headers).length > 0 && { headers }),
    ...(contentType && { content_type: contentType.text }),
    ...(subject && { subject: subject.text }),
    ...(correlationId && { correlation_id: correlationId.text }),
    ...(replyTo && { reply_to: replyTo.text }),
    ...(priority !== undefined && { priority }),
    ...(ttl !== undefined && { ttl: durationText(ttl) }),
    ...(durable !== undefined && { durable }),
  };
}

const retryOf = ({ attempts, deadline, from, to }: NonNullable<RouteTarget['retry']>): object => ({
  ...(Number.isFinite(attempts) && { attempts }),
  ...(Number.isFinite(deadline) && { deadline: durationText(deadline) }),
  backoff: { from: durationText(from), to: durationText(to) },
});

/** Each address of each endpoint once, under a key that says both. */
class Channels {
  readonly #channels = new Map<string, Channel>();
  readonly #keys = new Set<string>();

  reference(endpoint: string, { address, parameters }: ChannelAddress): Reference {
    const id = JSON.stringify([endpoint, address]);
    const known = this.#channels.get(id);
    const key = known?.key ?? this.#newKey(endpoint, address);
    this.#channels.set(id, {
      key,
      address,
      endpoint,
      parameters: new Map([...(known?.parameters ?? []), ...parameters]),
    });
    return { $ref: `#/channels/${key}` };
  }

  /** @param servers the names of each endpoint's servers */
  toObject(servers: ReadonlyMap<string, readonly string[]>): object {
    const entries = [...this.#channels.values()].map(({ key, address, endpoint, parameters }) => [
      key,
      {
        // null: it is known when a message tells it
        address: address === '' ? null : address,
        title:
          address === '' ? `an address of ${endpoint} that the message tells` : `${address} of ${endpoint}`,
        servers: (servers.get(endpoint) ?? []).map((name): Reference => ({ $ref: `#/servers/${name}` })),
        ...(parameters.size > 0 && { parameters: Object.fromEntries(parameters) }),
      },
    ]);
    return Object.fromEntries(entries) as object;
  }

  #newKey(endpoint: string, address: string): string {
    const base = `${endpoint}.${(address === '' ? 'told' : address).replace(/[^A-Za-z0-9_]+/g, '-').replace(/^-|-$/g, '')}`;
    let key = base;
    for (let n = 2; this.#keys.has(key); n++) key = `${base}-${n}`;
    this.#keys.add(key);
    return key;
  }
}
