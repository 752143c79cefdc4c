import type { AddressPattern, AddressSyntax } from '../../core/address.ts';

const legal = /^[A-Za-z0-9._-]+$/;

/** Kafka topics. Kafka knows no hierarchy; by convention dots divide a name, and so wildcards work on those parts. */
export const kafkaAddress: AddressSyntax = {
  separators: '.',
  one: ['*'],
  rest: ['#'],
  maxBytes: 249,
  invalid(address) {
    if (address === '.' || address === '..') return `"${address}" is not allowed as a Kafka topic`;
    if (!legal.test(address)) return 'a Kafka topic holds only letters, digits, ".", "_" and "-"';
    return undefined;
  },
};

/** The topics that a pattern selects, as core's PatternIndex matches them. Kafka's own (`__…`) must be named in full. */
export function topicFilter(pattern: AddressPattern): RegExp {
  const parts = pattern.segments.map((segment) => {
    if (segment.kind === 'literal') return escape(segment.text);
    if (segment.kind === 'one') return `${escape(segment.separator)}[^.]*`;
    if (segment.separator === '') return '.*';
    // a.# also matches a; a rest that captures wants at least one segment
    return segment.capture === undefined ? '(?:\\..*)?' : '\\..*';
  });
  const wild = pattern.segments[0]?.kind !== 'literal';
  return new RegExp(`^${wild ? '(?!__)' : ''}${parts.join('')}$`);
}

const escape = (text: string): string => text.replace(/[^A-Za-z0-9_]/g, '\\$&');
