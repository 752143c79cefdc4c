import type { Envelope, Header } from './envelope.ts';
import type { LossName } from './losses.ts';
import type { MessageField, Traits } from './protocol.ts';

/** What the fields of messages are called where they are lost; the others have no name, since none can be lost. */
const names: Readonly<Partial<Record<MessageField, LossName>>> = {
  id: 'id',
  bodyType: 'body_type',
  headers: 'headers',
  contentType: 'content_type',
  contentEncoding: 'content_encoding',
  subject: 'subject',
  correlationId: 'correlation_id',
  replyTo: 'reply_to',
  key: 'key',
  priority: 'priority',
  durable: 'durable',
  expiresAt: 'ttl',
  timestamp: 'timestamp',
  deliveryCount: 'delivery_count',
  hops: 'hops',
  retain: 'retain',
};

/** What the loss of this field is called. */
export const lossOf = (field: MessageField): LossName | undefined => names[field];

/** Whether a message has something that its target cannot hold. */
export interface Look {
  readonly name: LossName;
  readonly has: (message: Envelope) => boolean;
}

/** What of one message is lost. */
export function lostOf(message: Envelope, looks: readonly Look[]): LossName[] {
  const names: LossName[] = [];
  for (const { name, has } of looks) if (has(message)) names.push(name);
  return names;
}

/** What is to be looked for in messages that go to where these traits hold. */
export function looksFor({ loses, headers, repeatedHeaders, nullBody, narrows = {} }: Traits): Look[] {
  const looks: Look[] = loses.flatMap((field): Look[] => {
    const name = lossOf(field);
    // Every message that has come here has passed a route; that this is forgotten is no loss of the message.
    return name === undefined || field === 'hops' || field === 'headers'
      ? []
      : [{ name, has: hasField(field) }];
  });
  if (headers === 'none') looks.push({ name: 'headers', has: (message) => message.headers.length > 0 });
  else if (!repeatedHeaders)
    looks.push({
      name: 'repeated_headers',
      has: (message) => message.headers.length > 1 && repeats(message.headers),
    });
  if (nullBody === 'empty') looks.push({ name: 'null_body', has: ({ body }) => body === null });
  const longest = narrows.expiresAt?.range?.[1];
  if (longest !== undefined)
    looks.push({
      name: 'ttl',
      has: ({ expiresAt }) => expiresAt !== undefined && expiresAt - Date.now() > longest,
    });
  const earliest = narrows.timestamp?.range?.[0];
  if (earliest !== undefined)
    looks.push({
      name: 'timestamp',
      has: ({ timestamp }) => timestamp !== undefined && timestamp < earliest,
    });
  return looks;
}

function hasField(field: MessageField): Look['has'] {
  switch (field) {
    case 'durable':
      return ({ durable }) => !durable;
    case 'retain':
      return ({ retain }) => retain;
    case 'deliveryCount':
      return ({ deliveryCount }) => deliveryCount > 0;
    case 'bodyType':
      return ({ bodyType }) => bodyType !== 'data';
    default:
      return (message) => message[field] !== undefined;
  }
}

/** Up to so many headers are compared with each other, which is faster than to gather their names. */
const few = 12;

function repeats(headers: readonly Header[]): boolean {
  if (headers.length > few) return new Set(headers.map(([name]) => name)).size < headers.length;
  for (let i = 1; i < headers.length; i++) {
    const name = headers[i]![0];
    for (let j = 0; j < i; j++) if (headers[j]![0] === name) return true;
  }
  return false;
}
