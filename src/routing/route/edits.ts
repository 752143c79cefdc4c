import type { Captures } from '../../core/address.ts';
import type { Envelope, Header, HeaderType, HeaderValue } from '../../core/envelope.ts';
import { identifierFromText } from '../../core/identifier-text.ts';
import { renderValue, type ValueTemplate } from '../../core/value-template.ts';

/** What a target changes about a message beside its body; templates see the message as it came. */
export interface Edits {
  /** Names of headers that are taken out; one that ends in `*` means all that begin so. */
  readonly remove: readonly string[];
  /** Names of headers, and what they are called instead. */
  readonly rename: ReadonlyMap<string, string>;
  /** Headers that take the place of those of their name; one that lacks a part of its value is left as it was. */
  readonly set: readonly {
    readonly name: string;
    readonly value: ValueTemplate | readonly [HeaderValue, HeaderType?];
  }[];
  readonly contentType: ValueTemplate | undefined;
  readonly subject: ValueTemplate | undefined;
  readonly correlationId: ValueTemplate | undefined;
  readonly replyTo: ValueTemplate | undefined;
  /** 0 to 9. */
  readonly priority: number | undefined;
  /** Ms from now after which it expires. */
  readonly ttl: number | undefined;
  readonly durable: boolean | undefined;
}

/**
 * The message as a target wants it.
 * @param message as it came, of which values are taken
 * @param onward as it is sent so far
 * @param now ms since the epoch
 */
export function edited(
  edits: Edits,
  message: Envelope,
  captures: Captures,
  onward: Envelope,
  now: number,
): Envelope {
  const valueOf = (template: ValueTemplate | undefined): string | undefined =>
    template && renderValue(template, captures, message);
  const correlationId = valueOf(edits.correlationId);
  return {
    ...onward,
    headers: headersOf(edits, onward.headers, valueOf),
    contentType: valueOf(edits.contentType) ?? onward.contentType,
    subject: valueOf(edits.subject) ?? onward.subject,
    correlationId: correlationId === undefined ? onward.correlationId : identifierFromText(correlationId),
    replyTo: valueOf(edits.replyTo) ?? onward.replyTo,
    priority: edits.priority ?? onward.priority,
    expiresAt: edits.ttl === undefined ? onward.expiresAt : now + edits.ttl,
    durable: edits.durable ?? onward.durable,
  };
}

function headersOf(
  { remove, rename, set }: Edits,
  headers: readonly Header[],
  valueOf: (template: ValueTemplate) => string | undefined,
): readonly Header[] {
  let result = headers;
  if (remove.length > 0)
    result = result.filter(
      ([name]) =>
        !remove.some((each) => (each.endsWith('*') ? name.startsWith(each.slice(0, -1)) : name === each)),
    );
  if (rename.size > 0)
    result = result.map((header) => {
      const name = rename.get(header[0]);
      return name === undefined ? header : ([name, ...header.slice(1)] as unknown as Header);
    });
  for (const { name, value } of set) {
    const made = 'parts' in value ? valueOf(value) : value;
    if (made === undefined) continue;
    const header: Header = typeof made === 'string' ? [name, made] : [name, ...made];
    result = [...result.filter(([each]) => each !== name), header];
  }
  return result;
}
