import type { Envelope, Header } from '../core/envelope.ts';
import type { LossCounter, LossName } from '../core/losses.ts';
import type { MessageField, Sink, Traits } from '../core/protocol.ts';
import { lossOf } from '../routing/route/losses.ts';

/** Whether a message has something that its target cannot hold. */
interface Look {
  readonly name: LossName;
  readonly has: (message: Envelope) => boolean;
}

/** A sink that counts what the traits of its endpoint say is lost of each message that it has taken. */
export function countingSink(sink: Sink, traits: Traits, losses: LossCounter): Sink {
  const looks = looksFor(traits);
  return looks.length === 0 ? sink : new CountingSink(sink, looks, losses);
}

class CountingSink implements Sink {
  readonly #sink: Sink;
  readonly #looks: readonly Look[];
  readonly #losses: LossCounter;

  constructor(sink: Sink, looks: readonly Look[], losses: LossCounter) {
    this.#sink = sink;
    this.#looks = looks;
    this.#losses = losses;
  }

  send(envelope: Envelope, address: string): Promise<void> {
    const sent = this.#sink.send(envelope, address);
    // Most messages lose nothing: for them that is all.
    for (const { has } of this.#looks) if (has(envelope)) return this.#count(sent, envelope);
    return sent;
  }

  async #count(sent: Promise<void>, envelope: Envelope): Promise<void> {
    await sent;
    for (const { name, has } of this.#looks) if (has(envelope)) this.#losses.lost(name);
  }
}

function looksFor({ loses, headers, repeatedHeaders, nullBody, narrows = {} }: Traits): Look[] {
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
