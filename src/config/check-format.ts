import { isUri, wrongInUri, wrongText } from '../cloudevents/attributes.ts';
import { cloudEventsIn } from '../cloudevents/incoming.ts';
import { cloudEventsOut } from '../cloudevents/outgoing.ts';
import type { CloudEventsEntry } from '../cloudevents/schema.ts';
import type { Envelope } from '../core/envelope.ts';
import type { CloudEventsBinding } from '../core/protocol.ts';
import type { Transform } from '../core/transform.ts';
import { parseValueTemplate, type ValueTemplate } from '../core/value-template.ts';
import { openMessagingIn, openMessagingOut } from '../openmessaging/headers.ts';
import type { Format, IncomingFormat } from '../routing/route/format-schema.ts';
import type { EndpointDefinition } from './endpoints.ts';
import { located } from './located.ts';
import type { Problems } from './problems.ts';
import { child, type Tree } from './tree.ts';
import { quoted } from './words.ts';

/**
 * What makes a route's messages what its `from.format` says.
 * @param format undefined where there is none
 * @param from the endpoint that it reads, as far as it is known
 */
export function checkIncomingFormat(
  format: IncomingFormat | undefined,
  node: Tree | undefined,
  from: EndpointDefinition | undefined,
  problems: Problems,
): Transform<Envelope> | undefined {
  if (format === undefined || node === undefined || from === undefined) return undefined;
  if (format === 'cloudevents') return cloudEventsIn(from.protocol.cloudEvents);
  needHeaders(node, from, problems);
  return openMessagingIn(from.protocol.cloudEvents);
}

export interface FormatContext {
  /** What the route's address binds. */
  readonly bound: readonly string[];
  /** The endpoints, as far as they are known. */
  readonly from: EndpointDefinition | undefined;
  readonly to: EndpointDefinition | undefined;
  readonly problems: Problems;
}

/** What makes messages what a target's `format` says; undefined where it says nothing, or is faulty. */
export function checkFormat(
  format: Format | undefined,
  node: Tree | undefined,
  context: FormatContext,
): Transform | undefined {
  const { to, problems } = context;
  if (format === undefined || node === undefined) return undefined;
  if (format === 'cloudevents' || (typeof format === 'object' && 'cloudevents' in format)) {
    const entry = typeof format === 'object' ? format.cloudevents : {};
    return checkCloudEvents(entry, child(node, 'cloudevents') ?? node, context);
  }
  const entry = typeof format === 'object' ? format.openmessaging : {};
  const settings = child(node, 'openmessaging') ?? node;
  if (to) needHeaders(settings, to, problems);
  const destination = template(child(settings, 'destination'), context);
  if (entry.destination !== undefined && destination === undefined) return undefined;
  return to && openMessagingOut(to.protocol.cloudEvents, destination);
}

function checkCloudEvents(
  entry: CloudEventsEntry,
  node: Tree,
  { bound, from, to, problems }: FormatContext,
): Transform | undefined {
  const { source, type, subject, dataschema, content_type: contentType, extensions = {} } = entry;
  const attributes = new Map<string, ValueTemplate | number | boolean>();
  const written = Object.entries({ source, type, subject, dataschema });
  for (const [name, value] of written) {
    const at = child(node, name);
    if (value === undefined || at === undefined) continue;
    const read = template(at, { bound, problems });
    if (read === undefined) continue;
    const wrong = wrongAttribute(name, read);
    if (wrong !== undefined) problems.error(at.at, wrong);
    attributes.set(name, read);
  }
  for (const [name, value] of Object.entries(extensions)) {
    const at = child(child(node, 'extensions'), name);
    const read = typeof value === 'string' ? template(at, { bound, problems }) : value;
    if (read === undefined) continue;
    const wrong = typeof read === 'object' ? wrongAttribute(name, read) : undefined;
    if (wrong !== undefined) problems.error(at!.at, wrong);
    attributes.set(name, read);
  }
  if (to === undefined || from === undefined) return undefined;
  const binding = to.protocol.cloudEvents;
  const mode = modeOf(entry, node, to, problems);
  checkPrefix(entry, node, binding, mode, problems);
  return cloudEventsOut({ mode, prefix: entry.prefix, attributes, contentType }, binding, {
    endpoint: from.name,
    binding: from.protocol.cloudEvents,
  });
}

function modeOf(
  { mode }: CloudEventsEntry,
  node: Tree,
  to: EndpointDefinition,
  problems: Problems,
): 'binary' | 'structured' {
  const headerless = hasNoHeaders(to);
  if (mode === 'binary' && headerless)
    problems.error(
      (child(node, 'mode') ?? node).at,
      `${quoted(to.name)} has no headers, which the binary mode needs`,
      'write "mode: structured"',
    );
  return headerless ? 'structured' : (mode ?? to.protocol.cloudEvents.prefers ?? 'binary');
}

function checkPrefix(
  { prefix }: CloudEventsEntry,
  node: Tree,
  binding: CloudEventsBinding,
  mode: 'binary' | 'structured',
  problems: Problems,
): void {
  if (prefix === undefined) return;
  const at = (child(node, 'prefix') ?? node).at;
  const known = [binding.prefix, ...(binding.otherPrefixes ?? [])];
  if (mode === 'structured')
    problems.error(at, 'in structured mode attributes have no prefix', 'write "mode: binary", or leave it out');
  else if (!known.includes(prefix))
    problems.error(
      at,
      `${quoted(prefix)} is no prefix that readers there know`,
      binding.prefix === '' ? 'leave it out' : `known are ${known.map(quoted).join(', ')}`,
    );
}

function template(
  node: Tree | undefined,
  { bound, problems }: Pick<FormatContext, 'bound' | 'problems'>,
): ValueTemplate | undefined {
  if (node?.kind !== 'scalar') return undefined;
  return located(node, (written) => parseValueTemplate(written, bound), problems);
}

/** What of a template can never be part of the attribute. */
function wrongAttribute(name: string, { text, parts }: ValueTemplate): string | undefined {
  const literals = parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []));
  const isUriAttribute = name === 'source' || name === 'dataschema';
  for (const literal of literals) {
    const wrong = isUriAttribute ? wrongInUri(literal) : wrongText(literal);
    if (wrong !== undefined) return `${name} ${wrong}`;
  }
  if (name === 'dataschema' && literals.length === parts.length && !isUri(literals.join('')))
    return `${quoted(text)} is no absolute URI, such as https://example.com/order.json`;
  return undefined;
}

function needHeaders(node: Tree, endpoint: EndpointDefinition, problems: Problems): void {
  if (hasNoHeaders(endpoint))
    problems.error(node.at, `${quoted(endpoint.name)} has no headers, and OpenMessaging is nothing else`);
}

const hasNoHeaders = ({ definition, config }: EndpointDefinition): boolean =>
  (definition.traitsOf?.(config) ?? definition.traits).headers === 'none';
