import { readFileSync } from 'node:fs';
import type { AddressSyntax } from '../src/core/address.ts';
import type { Envelope } from '../src/core/envelope.ts';
import {
  latest,
  type Limits,
  type Narrowed,
  type Protocol,
  type Role,
  type Traits,
} from '../src/core/protocol.ts';
import { protocols } from '../src/protocols/index.ts';
import { schemaTable } from './schema-table.ts';

/** What is written by hand: the title, examples, and what becomes of messages. */
const part = (name: string): string =>
  readFileSync(new URL(`../docs/brokers/parts/${name}.md`, import.meta.url), 'utf8').trim();

const fields = {
  id: 'message id',
  address: 'address',
  body: 'body',
  bodyType: 'type of body',
  headers: 'headers',
  contentType: 'content type',
  contentEncoding: 'content encoding',
  subject: 'subject',
  correlationId: 'correlation id',
  replyTo: 'reply address',
  key: 'key',
  priority: 'priority',
  durable: 'whether it is durable',
  expiresAt: 'expiry',
  timestamp: 'timestamp',
  deliveryCount: 'how often delivery was tried',
  hops: 'routes passed',
  via: 'routes passed here',
  retain: 'retain flag',
  identity: 'what the gateway tells it apart by',
  origin: 'its encoding',
} as const satisfies Record<keyof Envelope, string>;

const headers: Readonly<Record<Traits['headers'], string>> = {
  typed: 'keep their types',
  text: 'are text; the header `junction-types` tells this gateway their types',
  bytes: 'are bytes; the header `junction-types` tells this gateway their types',
  none: 'are lost',
};

const list = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(' or ');

const addresses = ({ separators, one, rest, maxBytes, hidden }: AddressSyntax): string[] => [
  separators === ''
    ? 'An address is one part.'
    : `Parts of an address are divided by ${list([...separators])}; \`{name}\` captures one of them, \`{name...}\` the rest.`,
  one.length + rest.length === 0
    ? 'There are no wildcards.'
    : `To read, ${list(one)} stands for one part, ${list(rest)} for all that follow.`,
  ...(hidden === undefined
    ? []
    : [`A wildcard in the first place does not match what begins with \`${hidden}\`.`]),
  `At most ${maxBytes} bytes of UTF-8.`,
];

const holds = (traits: Traits): string[] => [
  `Headers ${headers[traits.headers]}.`,
  traits.repeatedHeaders
    ? 'A header may come several times.'
    : 'Each header comes once: of several with one name the first is kept.',
  ...(traits.controlCharacters === 'encoded'
    ? [
        'Headers with control characters, such as a line break, travel encoded: this gateway restores them, others see that form.',
      ]
    : []),
  ...(traits.unordered
    ? ['Messages without a key may overtake each other.']
    : ['Messages keep their order.']),
  ...(traits.headerOrder === 'lost'
    ? ['Headers of different names may change places; those of one name keep their order.']
    : []),
  ...Object.entries(traits.narrows ?? {}).map(
    ([field, narrowed]) => `Kept in part: ${fields[field as keyof typeof fields]}, ${partOf(narrowed)}.`,
  ),
  ...(traits.supplies
    ? [
        `Given by the broker to messages without: ${traits.supplies.map((field) => fields[field]).join(', ')}.`,
      ]
    : []),
  ...(traits.ascii
    ? [`Refused where not ASCII: ${traits.ascii.map((field) => fields[field]).join(', ')}.`]
    : []),
  ...limitsOf(traits),
  `Lost: ${traits.loses.map((field) => fields[field]).join(', ') || 'nothing'}.`,
];

const partOf = ({ step, range }: Narrowed): string =>
  [
    ...(step === undefined ? [] : [`in steps of ${step} ms`]),
    ...(range === undefined
      ? []
      : [`from ${range[0]}${range[1] === latest ? '' : ` to ${range[1]}`} ms, and left out beyond`]),
  ].join(', ');

const limits = {
  headerName: 'bytes in the name of a header',
  headerValue: 'bytes in the value of a header',
  headers: 'bytes in all headers and fields',
  headerCount: 'headers',
  body: 'bytes in a body',
} as const satisfies Record<keyof Limits, string>;

const limitsOf = (traits: Traits): string[] =>
  Object.entries(traits.limits ?? {}).map(
    ([limit, most]) => `At most ${most as number} ${limits[limit as keyof Limits]}.`,
  );

const bullets = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');

const page = ({ name, address }: Protocol, client: Role): string =>
  [
    part(name),
    '## Addresses',
    bullets(addresses(address)),
    '## What it holds',
    bullets(holds(client.traits)),
    'What arrives where is measured in [the table of all pairs](../interop.md); what does not work yet stands in [limits](../limits.md); where each field of a message stands, in [mapping](../mapping.md).',
    '## Every key',
    'Beside `type`. Times and sizes carry their unit (`30s`, `1MiB`).',
    schemaTable(client.config),
    '',
  ].join('\n\n');

const overview = (clients: readonly (readonly [Protocol, Role])[]): string =>
  [
    '# Brokers we connect to',
    'Made by `npm run docs` from the schemas and traits of the protocols, with the parts written by hand in `parts/`.',
    [
      '| | speaks with | headers | repeated headers | lost |',
      '| --- | --- | --- | --- | --- |',
      ...clients.map(
        ([{ name, summary }, { traits }]) =>
          `| [\`type: ${name}\`](${name}.md) | ${summary} | ${traits.headers} | ${traits.repeatedHeaders ? 'yes' : 'no'} | ${traits.loses.map((field) => fields[field]).join(', ')} |`,
      ),
    ].join('\n'),
    '[Departments](../departments.md) walks through five of them at once.',
    '',
  ].join('\n\n');

/** The pages of `docs/brokers/`, by file name. */
export async function brokerPages(): Promise<ReadonlyMap<string, string>> {
  const loaded = await Promise.all(Object.values(protocols).map((load) => load()));
  const clients = loaded.flatMap(({ default: protocol }) =>
    protocol.client ? [[protocol, protocol.client] as const] : [],
  );
  const pages = clients.map(([protocol, client]) => [`${protocol.name}.md`, page(protocol, client)] as const);
  return new Map(
    [['README.md', overview(clients)], ...pages].map(([file, text]) => [file, `${text.trim()}\n`]),
  );
}
