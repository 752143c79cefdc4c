import type { Protocol, Traits } from '../core/protocol.ts';
import { parseValueTemplate, type ValueTemplate } from '../core/value-template.ts';
import { dedupDefaults, type DeliverySettings } from '../routing/route/delivery-schema.ts';
import type { DedupSettings } from '../routing/route/route.ts';
import { traitsIn, type EndpointDefinition } from './endpoints.ts';
import { located } from './located.ts';
import type { Problems } from './problems.ts';
import type { Tree } from './tree.ts';
import { quoted } from './words.ts';

/**
 * The deduplication of a route; reports what cannot tell its messages apart.
 * @param written what the schema made of it, of the route or its file's defaults
 * @param node where that is written
 * @param captures what the route's address binds
 * @param from the endpoint that it reads, as far as it is known
 */
export function checkDedup(
  written: DeliverySettings['dedup'],
  node: Tree | undefined,
  captures: readonly string[],
  from: EndpointDefinition | undefined,
  problems: Problems,
): DedupSettings | undefined {
  if (written === undefined || written === false || node === undefined) return undefined;
  const { window, by: text, max } = typeof written === 'number' ? { ...dedupDefaults, window: written } : written;
  const entry = node.kind === 'map' ? node.entries.get('by')?.node : undefined;
  const place = entry?.kind === 'scalar' ? entry : undefined;
  const at = (place ?? node).at;
  if (text === 'id') {
    if (from && traitsIn(from).ids === 'header')
      problems.error(
        at,
        `the messages of ${quoted(from.name)} have no ids of their own: ${nameOf(from.protocol)} has none`,
        'write "by:" with what tells them apart: "{header.NAME}", a {capture} of the address, {key}, or "{id}" where every sender sets message-id itself',
      );
    // not {id}, which may be a capture of the address
    return { by: parseValueTemplate('{id}', []), window, max };
  }
  const by = place && located(place, () => parseValueTemplate(text, captures), problems);
  if (by === undefined) return undefined;
  const useless = whyUseless(by, from && traitsIn(from));
  if (useless) problems.error(at, useless.what, useless.hint);
  return { by, window, max };
}

const nameOf = ({ name }: Protocol): string => name.toUpperCase();

function whyUseless(
  { text, parts }: ValueTemplate,
  traits: Traits | undefined,
): { what: string; hint: string } | undefined {
  if (parts.every(({ kind }) => kind === 'text'))
    return {
      what: `${quoted(text)} is the same for every message: all but the first would be taken for repeats`,
      hint: `write id, or a template such as "{header.${text.trim()}}"`,
    };
  for (const part of parts) {
    const what = part.kind === 'field' ? part.name : part.kind;
    const missing =
      (part.kind === 'header' && traits?.headers === 'none') ||
      (part.kind === 'field' && traits?.loses.includes(part.name));
    if (missing)
      return {
        what: `the messages of this endpoint have no ${what}, so ${quoted(text)} tells none apart`,
        hint: 'use what they have, such as a {capture} of the address',
      };
  }
  return undefined;
}
