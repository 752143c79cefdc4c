import type { Format } from '../routing/route/format-schema.ts';
import type { TransformSettings } from '../transform/index.ts';

type Side = NonNullable<TransformSettings['body']>['from'] | NonNullable<TransformSettings['body']>['to'];

/** What a target does with bodies, for people. */
export function bodyStepText({ decompress, body, compress }: TransformSettings): string {
  const parts: string[] = [];
  if (decompress !== undefined) parts.push(`decompresses: ${valueText(decompress)}`);
  if (body) {
    const { from, to, jsonata } = body;
    const words = [
      ...(from === 'auto' ? [] : [`from ${sideText(from)}`]),
      ...(to === undefined ? [] : [`to ${sideText(to)}`]),
      ...(jsonata === undefined ? [] : [`by JSONata ${jsonata.trim().replace(/\s+/g, ' ')}`]),
    ];
    parts.push(`changes the body ${words.length === 0 ? 'to JSON' : words.join(' ')}`);
  }
  if (compress !== undefined) parts.push(`compresses: ${valueText(compress)}`);
  return parts.join('; ');
}

/** What a target's `format` makes of messages, for people. */
export function formatStepText(format: Format): string {
  if (typeof format === 'string') return `makes them ${format}`;
  const [[name, settings]] = Object.entries(format) as [[string, object]];
  const written = Object.entries(settings).map(([key, value]) => `${key} ${valueText(value)}`);
  return `makes them ${[name, written.join(', ')].filter((each) => each !== '').join(': ')}`;
}

const sideText = (side: NonNullable<Side>): string =>
  typeof side === 'string'
    ? side
    : Object.entries(side)
        .map(([key, value]) => `${key} ${valueText(value)}`)
        .join(' ');

const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
