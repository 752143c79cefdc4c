import type { AddressPattern, AddressSyntax } from '../../core/address.ts';
import { JunctionError } from '../../core/errors.ts';

/** What RocketMQ allows in the name of a topic; `%` stands in those that it makes itself (`%DLQ%group`). */
const topicForm = /^[%|a-zA-Z0-9_-]{1,127}$/;

/**
 * `topic`, or `topic:tag` as RocketMQ writes it. To send to `topic:tag` sets the tag. To read, `topic` takes messages
 * of every tag and of none, `topic:tag` only those of this tag, `topic:*` and `topic:{name}` those that have one,
 * `topic:#` all of them, with the tag in their address. A message is read under the address with its tag where a
 * route reads that, else under its topic alone.
 */
export const rocketMqAddress: AddressSyntax = {
  separators: ':',
  one: ['*'],
  rest: ['#'],
  maxBytes: 1024,
  invalid(address) {
    const at = address.indexOf(':');
    const topic = at < 0 ? address : address.slice(0, at);
    if (!topicForm.test(topic))
      return 'a RocketMQ topic holds 1 to 127 letters, digits, "_", "-", "%" and "|"';
    return at < 0 ? undefined : invalidTag(address.slice(at + 1));
  },
  canonical(written, use) {
    return use === 'read' && /^[^:{*#]+$/.test(written) ? `${written}:#` : written;
  },
};

/** Why this is no tag, or undefined where it is one. */
export function invalidTag(tag: string): string | undefined {
  if (tag.trim() === '') return 'a tag must not be empty';
  if (tag.includes('|')) return 'a tag must not hold "|", which divides tags in a subscription';
  // RocketMQ refuses ISO control characters.
  return /[\u0000-\u001f\u007f-\u009f]/.test(tag) ? 'a tag must not hold control characters' : undefined;
}

export interface Destination {
  readonly topic: string;
  readonly tag: string | undefined;
}

export function parseAddress(address: string): Destination {
  const at = address.indexOf(':');
  return at < 0
    ? { topic: address, tag: undefined }
    : { topic: address.slice(0, at), tag: address.slice(at + 1) };
}

/**
 * What to subscribe to for these patterns: of each topic the tag expression, `*` or `a||b`.
 * @throws JunctionError invalid-message where a pattern names no topic: RocketMQ has no wildcards there
 */
export function subscriptionsOf(patterns: readonly AddressPattern[]): Map<string, string> {
  const wanted = new Map<string, Set<string>>();
  for (const { text, segments } of patterns) {
    const [first, second] = segments;
    if (first?.kind !== 'literal')
      throw new JunctionError('invalid-message', `"${text}": a RocketMQ source must name its topic in full`);
    const tags = wanted.get(first.text) ?? new Set();
    wanted.set(first.text, tags.add(second?.kind === 'literal' ? second.text.slice(1) : '*'));
  }
  return new Map([...wanted].map(([topic, tags]) => [topic, tags.has('*') ? '*' : [...tags].join('||')]));
}
