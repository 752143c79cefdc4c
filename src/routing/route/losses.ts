import { lossWords, type LossName } from '../../core/losses.ts';
import { lossOf } from '../../core/message-losses.ts';
import { latest, type MessageField, type Narrowed, type Size, type Traits } from '../../core/protocol.ts';
import { showSize } from '../../core/sizes.ts';
import type { Edits } from './edits.ts';
import type { RouteTarget } from './route.ts';

/** What messages of one endpoint may lose on the way to another one. */
export interface Loss {
  readonly name: LossName;
  /** Data is not lost undeclared, so that is an error; metadata is a warning; a note is what hardly anybody misses. */
  readonly severity: 'error' | 'warning' | 'note';
  /** What is lost, in words. */
  readonly what: string;
  /** How it can be kept, if it can. */
  readonly hint?: string;
}

const severities: Readonly<Partial<Record<LossName, Loss['severity']>>> = {
  body_type: 'error',
  null_body: 'error',
  headers: 'error',
  // Nearly every route from MQTT or Kafka could lose these and hardly any does: what does is counted and logged.
  repeated_headers: 'note',
  header_order: 'note',
  durable: 'note',
  delivery_count: 'note',
  hops: 'note',
  retain: 'note',
};

const loss = (name: LossName, more?: Partial<Loss>): Loss => ({
  name,
  severity: severities[name] ?? 'warning',
  what: lossWords[name],
  ...more,
});

/**
 * What messages may lose on the way from an endpoint to a target of a route: what the one can hold, or the route puts
 * in, and the other cannot. Without `to` as if the route changed nothing.
 */
export function lossesOf(
  source: Traits,
  target: Traits,
  to: Pick<RouteTarget, 'key' | 'edits' | 'steps'> = {},
): readonly Loss[] {
  const comes = (field: MessageField): boolean => isSet(field, to) || !source.loses.includes(field);
  const found = new Map<LossName, Loss>();
  const add = (each: Loss): void => void (found.has(each.name) || found.set(each.name, each));
  for (const each of headerLosses(source, target, to.edits)) add(each);
  if (target.nullBody === 'empty' && source.nullBody !== 'empty') add(loss('null_body'));
  for (const field of target.loses) {
    const name = lossOf(field);
    if (name !== undefined && field !== 'headers' && comes(field)) add(loss(name));
  }
  for (const [field, narrow] of Object.entries(target.narrows ?? {}) as [MessageField, Narrowed][]) {
    const name = lossOf(field);
    const known = isSet(field, to) ? undefined : source.narrows?.[field];
    if (name !== undefined && comes(field) && narrows(narrow, known))
      add(loss(name, { severity: 'note', what: `${lossWords[name]} ${inWords(narrow)}` }));
  }
  if (target.unordered && !source.unordered && to.key === undefined)
    add(loss('order', { hint: 'give the target a "key:" to keep the order of its messages' }));
  // What a step makes of a body has any size.
  if (to.steps === undefined) for (const each of sizeLosses(source, target)) add(each);
  if (source.losesMessages !== undefined)
    add(loss('messages', { what: `some messages, before they get here (${source.losesMessages})` }));
  return [...found.values()].toSorted((a, b) => places.get(a.name)! - places.get(b.name)!);
}

/** What a dead letter has not, or says in a header of its own, and what is told at the targets of its route. */
const notOfLetters: ReadonlySet<LossName> = new Set(['durable', 'ttl', 'retain', 'order', 'messages']);

/**
 * What dead letters of one endpoint's messages may lose on the way to another one. A dead letter is the last there is of its
 * message, and its headers tell why it died: what is lost of headers is missed also where few messages have it, and what
 * is too large for it stays with its source.
 */
export function lossesOfLetters(source: Traits, target: Traits): readonly Loss[] {
  return lossesOf({ ...source, headers: 'text' }, target).flatMap((each): Loss[] => {
    if (notOfLetters.has(each.name)) return [];
    switch (each.name) {
      case 'headers':
        return [{ ...each, what: 'headers (the reason among them)' }];
      case 'repeated_headers':
        return [asWarning(each)];
      case 'large_messages':
        return [...sizeLosses(source, target, 'cannot be put there and stay with their source')].map(
          asWarning,
        );
      default:
        return [each];
    }
  });
}

const places = new Map(Object.keys(lossWords).map((name, place) => [name as LossName, place]));

function* headerLosses(source: Traits, target: Traits, edits: Edits | undefined): Generator<Loss> {
  const comes = source.headers !== 'none' && edits?.remove.includes('*') !== true;
  if (!comes && (edits?.set.length ?? 0) === 0) return;
  if (target.headers === 'none') yield loss('headers');
  else if (comes) {
    if (source.repeatedHeaders && !target.repeatedHeaders) yield loss('repeated_headers');
    // Also where the source has lost its own order: it has another one since.
    if (target.headerOrder === 'lost') yield loss('header_order');
  }
}

/** What a target cannot take of what its source takes, as far as that is known. */
function* sizeLosses(source: Traits, target: Traits, fate = 'are refused for good'): Generator<Loss> {
  const [from, to] = [source.sizes?.from, target.sizes?.to ?? bodyLimit(target)];
  if (from === undefined || to === undefined || from.bytes <= to.bytes) return;
  yield loss('large_messages', {
    // What nobody has set is told to those who ask: else every route from our listeners to Kafka would warn.
    severity: from.isDefault && to.isDefault ? 'note' : 'warning',
    what: `messages over ${showSize(to.bytes)} (they ${fate}; its source takes up to ${showSize(from.bytes)})`,
    hint: `let its source take no larger ones ("max_message")${target.sizes?.to ? ', or the target larger ones' : ''}`,
  });
}

const bodyLimit = ({ limits }: Traits): Size | undefined =>
  limits?.body === undefined ? undefined : { bytes: limits.body, isDefault: true };

const asWarning = (each: Loss): Loss => ({ ...each, severity: 'warning' });

/** Whether the route itself says what this field is at the target. */
function isSet(field: MessageField, { key, edits }: Pick<RouteTarget, 'key' | 'edits'>): boolean {
  switch (field) {
    case 'key':
      return key !== undefined;
    case 'expiresAt':
      return edits?.ttl !== undefined;
    case 'contentType':
    case 'subject':
    case 'correlationId':
    case 'replyTo':
    case 'priority':
    case 'durable':
      return edits?.[field] !== undefined;
    default:
      return false;
  }
}

/** Whether something of what is held as `known` says, or whole, is not held as `narrow` says. */
function narrows(narrow: Narrowed, known: Narrowed | undefined): boolean {
  const { step = 1, range: [least, most] = unbound } = narrow;
  const { step: held = 1, range: [from, to] = unbound } = known ?? {};
  return held % step !== 0 || from < least || to > most;
}

const unbound = [-Infinity, Infinity] as const;

/** What of a narrowed field is lost. */
const inWords = ({ step, range: [least, most] = unbound }: Narrowed): string =>
  [
    ...(step === undefined ? [] : [`finer than ${step} ms`]),
    ...(most < latest ? [`above ${Math.floor(most / day)} days`] : least >= 0 ? ['before 1970'] : []),
  ].join(' and ');

const day = 86_400_000;
