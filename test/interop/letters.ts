import type { Traits } from '../../src/core/protocol.ts';
import type { PeerMessage } from '../contract/contract.ts';

/** One message that crosses, and what it is for. */
export interface Letter {
  /** The aspect that is lost or changed where it does not arrive as it was sent. */
  readonly about: 'body' | 'empty body' | 'headers' | 'repeats' | 'order';
  readonly message: PeerMessage;
}

const numbered = 20;

/** Header names that every protocol can carry, with values that trip those who join, split or escape carelessly. */
const headers: readonly (readonly [string, string])[] = [
  ['plain', 'one'],
  ['accents', 'Zürich, 東京, 🚚'],
  ['punctuation', 'a:b=c;d\\e "f" {g}'],
  ['lines', 'first\nsecond'],
  ['number', '0012'],
  ['empty', ''],
];

/** What a peer of the source sends, told apart by their bodies. */
export function letters({ repeatedHeaders, headers: kind, controlCharacters }: Traits): Letter[] {
  const body = (text: string): Buffer => Buffer.from(text);
  return [
    {
      about: 'body',
      message: {
        body: Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256)),
        contentType: 'application/octet-stream',
      },
    },
    { about: 'empty body', message: { body: Buffer.alloc(0) } },
    {
      about: 'headers',
      message: {
        body: body('headers'),
        contentType: 'text/plain; charset=utf-8',
        correlationId: 'order-4711',
        replyTo: 'answers',
        ...(kind !== 'none' && {
          headers: controlCharacters ? headers.filter(([, value]) => !value.includes('\n')) : headers,
        }),
      },
    },
    ...(repeatedHeaders
      ? [
          {
            about: 'repeats' as const,
            message: {
              body: body('repeats'),
              headers: [
                ['tag', 'b'],
                ['tag', 'a'],
                ['other', 'x'],
              ] as const,
            },
          },
        ]
      : []),
    ...Array.from({ length: numbered }, (_, i) => ({
      about: 'order' as const,
      message: { body: body(`number ${i}`) },
    })),
  ];
}

/**
 * Fields of an envelope that travel as headers where the protocol has no place of their own for them: a source may
 * have given them (a broker's timestamp or identifier), a peer does not send them.
 */
const fieldNames: ReadonlySet<string> = new Set([
  ...['message-id', 'x-message-id'],
  ...['group-id', 'x-group-id', ':group-id'],
  ...['timestamp', 'timestamp_in_ms'],
  'priority',
  'expires-at',
  'subject',
]);

/** What the target's traits let us expect of a message. */
export function expected(message: PeerMessage, target: Traits): PeerMessage {
  const kept = <Field extends keyof PeerMessage>(field: Field): PeerMessage[Field] | undefined =>
    (target.loses as readonly string[]).includes(field) ? undefined : message[field];
  const all = target.headers === 'none' ? [] : (message.headers ?? []);
  const each = target.repeatedHeaders
    ? all
    : all.filter(([name], i) => all.findIndex(([other]) => other === name) === i);
  return {
    body: message.body,
    headers: each,
    contentType: kept('contentType'),
    correlationId: kept('correlationId'),
    replyTo: kept('replyTo'),
  };
}

/**
 * Where two messages differ, in words; headers of different names in any order.
 * @param encoded header values with line breaks come in another form
 */
export function differences(sent: PeerMessage, got: PeerMessage, encoded: boolean): string[] {
  const found: string[] = [];
  if (!sent.body.equals(got.body)) found.push(`body ${show(got.body)}`);
  for (const field of ['contentType', 'correlationId', 'replyTo'] as const)
    if (sent[field] !== got[field]) found.push(`${field} ${show(got[field])}`);
  const [wanted, present] = [grouped(sent), grouped(got)];
  for (const [name, values] of wanted)
    if (encoded && values.some((value) => value.includes('\n'))) present.delete(name);
    else if (JSON.stringify(values) !== JSON.stringify(present.get(name)))
      found.push(`header ${name} ${show(present.get(name))}`);
  for (const name of present.keys())
    if (!wanted.has(name) && !fieldNames.has(name)) found.push(`header ${name} that was not sent`);
  return found;
}

function grouped({ headers = [] }: PeerMessage): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const [name, value] of headers) groups.set(name, [...(groups.get(name) ?? []), value]);
  return groups;
}

const show = (value: unknown): string =>
  value === undefined
    ? 'missing'
    : `is ${JSON.stringify(Buffer.isBuffer(value) ? value.toString('latin1').slice(0, 40) : value)}`;
