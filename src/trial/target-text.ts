import { durationText } from '../core/duration-text.ts';
import { headerText } from './text.ts';
import type { RouteTarget } from '../routing/route/route.ts';

/** What a target changes about messages, in the order in which it does, one line each. */
export function changesText({ edits, steps = [] }: RouteTarget): string[] {
  return [...(edits ? editsText(edits) : []), ...steps.map(({ text }) => text)];
}

function editsText(edits: NonNullable<RouteTarget['edits']>): string[] {
  const { remove, rename, set, priority, ttl, durable } = edits;
  const texts = [
    ['content type', edits.contentType],
    ['subject', edits.subject],
    ['correlation id', edits.correlationId],
    ['reply address', edits.replyTo],
  ] as const;
  return [
    ...(remove.length > 0 ? [`removes headers ${remove.join(', ')}`] : []),
    ...[...rename].map(([name, next]) => `renames header ${name} to ${next}`),
    ...set.map(
      ({ name, value }) =>
        `sets header ${name} to ${'parts' in value ? value.text : headerText([name, ...value])}`,
    ),
    ...texts.flatMap(([name, value]) => (value ? [`sets ${name} to ${value.text}`] : [])),
    ...(priority === undefined ? [] : [`sets priority to ${priority}`]),
    ...(ttl === undefined ? [] : [`expires after ${durationText(ttl)}`]),
    ...(durable === undefined ? [] : [durable ? 'is kept over restarts (durable)' : 'is not durable']),
  ];
}
