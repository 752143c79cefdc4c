import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { ProtocolRegistry } from '../../src/config/endpoints.ts';
import { loadConfiguration, type Configuration, type LoadOptions } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';
import type { AddressSyntax } from '../../src/core/address.ts';
import { defineRole, type Protocol, type Traits } from '../../src/core/protocol.ts';
import { duration, listenerSettings } from '../../src/core/units.ts';

const rich: Traits = { headers: 'typed', repeatedHeaders: true, loses: [], redelivers: true };

/** The schemas and syntax of a protocol, without anything that could open a socket. */
function protocol(
  name: string,
  address: AddressSyntax,
  dial?: 'url' | 'brokers',
  traits: Traits = rich,
): Protocol {
  const create = (): never => {
    throw new Error('checking a configuration makes no endpoint');
  };
  const client = z.strictObject({
    [dial ?? 'url']: dial === 'brokers' ? z.array(z.string()).min(1) : z.string(),
    password: z.string().optional(),
    ssl: z.union([z.boolean(), z.strictObject({ ca: z.string(), key: z.string().optional() })]).default(false),
    timeout: duration().prefault('30s'),
  });
  const listener = z.strictObject({ ...listenerSettings, topics: z.array(z.string()).default([]) });
  return {
    name,
    summary: name,
    cloudEvents: { prefix: 'ce_' },
    address,
    ...(dial !== 'brokers' && { listener: defineRole({ config: listener, traits, create }) }),
    ...(dial !== undefined && { client: defineRole({ config: client, traits, create }) }),
  };
}

const mqtt = protocol(
  'mqtt',
  {
    separators: '/',
    one: ['+'],
    rest: ['#'],
    maxBytes: 65_535,
    hidden: '$',
  },
  'url',
);
const amqp = protocol('amqp', { separators: './', one: ['*'], rest: ['#'], maxBytes: 1024 });
const stomp = protocol('stomp', {
  separators: '/.',
  one: ['*'],
  rest: ['>'],
  maxBytes: 1024,
  invalid: (address) => (address.startsWith('/') ? undefined : 'it does not begin with /queue/ or /topic/'),
});
const kafka = protocol('kafka', { separators: '.', one: [], rest: [], maxBytes: 249 }, 'brokers');

/** A further protocol `plain`, without ids and keys. */
export const plain = protocol('plain', { separators: '/', one: [], rest: [], maxBytes: 100 }, undefined, {
  ...rich,
  ids: 'header',
  loses: ['key'],
});

/** Protocols with real schemas and address syntax, for tests of what the configuration does with them. */
export const protocols: ProtocolRegistry = {
  mqtt: async () => ({ default: mqtt }),
  amqp: async () => ({ default: amqp }),
  stomp: async () => ({ default: stomp }),
  kafka: async () => ({ default: kafka }),
};

export const endpoints = `endpoints:
  mqtt: { type: mqtt, listen: ":1883" }
  amqp: { type: amqp, listen: ":5672" }
  stomp: { type: stomp, listen: ":61613" }
`;

type Files = Readonly<Record<string, string | Uint8Array>>;

interface Options extends Partial<LoadOptions> {
  /** The configuration file, in place of `junction.yaml`. */
  readonly file?: string;
}

/** Loads `junction.yaml` of these files from a folder of their own. */
export async function load(files: Files, options: Options = {}): Promise<Configuration> {
  return inFolder(files, (folder) => loadIn(folder, options));
}

/** The lines that loading these files gives, with the folder's name taken out; none if all is well. */
export async function mistakes(files: Files, options: Options = {}): Promise<string[]> {
  return inFolder(files, async (folder) => {
    try {
      await loadIn(folder, options);
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return error.message.replaceAll(`${folder}/`, '').split('\n');
    }
  });
}

/** The mistakes of one route file beside three good endpoints. */
export const routeMistakes = (routes: string | Uint8Array, env: LoadOptions['env'] = {}): Promise<string[]> =>
  mistakes({ 'junction.yaml': `${endpoints}routes: [routes.yaml]\n`, 'routes.yaml': routes }, { env });

const loadIn = (folder: string, { file = 'junction.yaml', ...options }: Options): Promise<Configuration> =>
  loadConfiguration(join(folder, file), { env: {}, protocols, ...options });

async function inFolder<Result>(files: Files, work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'junction-config-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
