import type { HeaderType, HeaderValue } from '../core/envelope.ts';
import { reservedPrefix } from '../core/reserved-headers.ts';
import { parseValueTemplate, type ValueTemplate } from '../core/value-template.ts';
import type { Edits } from '../routing/route/edits.ts';
import type { EditsEntry } from '../routing/route/target-schema.ts';
import { located } from './located.ts';
import type { Problems } from './problems.ts';
import { child, text, type Tree } from './tree.ts';
import { quoted } from './words.ts';

/**
 * What a target changes about messages beside their bodies; undefined where it changes nothing.
 * @param entry what the schema made of it; undefined where that was faulty
 * @param bound what the route's address binds
 */
export function checkEdits(
  node: Tree,
  entry: EditsEntry | undefined,
  bound: readonly string[],
  problems: Problems,
): Edits | undefined {
  const template = (at: Tree | undefined): ValueTemplate | undefined => {
    const written = text(at);
    return written && located(written, (value) => parseValueTemplate(value, bound), problems);
  };
  const headers = child(node, 'headers');
  const set = child(headers, 'set');
  const rename = child(headers, 'rename');
  const names: [name: string, at: Tree][] = [set, rename].flatMap((map) =>
    map?.kind === 'map' ? [...map.entries].map(([name, { node: at }]): [string, Tree] => [name, at]) : [],
  );
  for (const [, { node: at }] of rename?.kind === 'map' ? rename.entries : [])
    if (at.kind === 'scalar') names.push([String(at.value), at]);
  for (const [name, at] of names)
    if (name.startsWith(reservedPrefix))
      problems.error(
        at.at,
        `the header ${quoted(name)} is the gateway’s own: names that begin with ${reservedPrefix} carry what a protocol has no place for`,
        'choose another name',
      );
  const values = [...(set?.kind === 'map' ? set.entries : [])].flatMap(([name, { node: at }]) => {
    const value = at.kind === 'scalar' && typeof at.value !== 'string' ? literal(at.value) : template(at);
    return value === undefined ? [] : [{ name, value }];
  });
  const texts = {
    contentType: template(child(node, 'content_type')),
    subject: template(child(node, 'subject')),
    correlationId: template(child(node, 'correlation_id')),
    replyTo: template(child(node, 'reply_to')),
  };
  if (!entry) return undefined;
  const { priority, ttl, durable } = entry;
  const { remove = [], rename: renamed = {} } = entry.headers ?? {};
  const edits: Edits = {
    remove,
    rename: new Map(Object.entries(renamed)),
    set: values,
    ...texts,
    priority,
    ttl,
    durable,
  };
  const nothing =
    entry.headers === undefined &&
    [...Object.values(texts), priority, ttl, durable].every((value) => value === undefined);
  return nothing ? undefined : edits;
}

/** A value that is written without quotes keeps its type: a whole number is a long, another one a double. */
function literal(value: number | boolean | null): readonly [HeaderValue, HeaderType?] | undefined {
  if (value === null) return undefined;
  return typeof value === 'number' && Number.isSafeInteger(value) ? [BigInt(value)] : [value];
}
