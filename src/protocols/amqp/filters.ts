import type { Selection } from '../../broker/selection.ts';
import { FilterSyntaxError, type Condition } from '../../core/condition.ts';
import { compileSelector } from '../../filter/selector.ts';
import { AmqpMap, Described, symbol, Typed, type AmqpValue } from './codec/types.ts';
import type { AmqpError } from './engine/api.ts';
import { condition } from './errors.ts';

/** The filters that are registered for Apache's brokers and clients: a JMS selector, and nothing of one's own. */
export const selectorFilter = { name: 'apache.org:selector-filter:string', code: 0x0000_468c_0000_0004n };
const noLocalFilter = { name: 'apache.org:no-local-filter:list', code: 0x0000_468c_0000_0003n };

/** The filters of a source that are in force. */
export interface Filters {
  readonly selector: Condition | undefined;
  readonly noLocal: boolean;
  /** What our attach says of them (§3.5.3: those that are in force); undefined where there are none. */
  readonly echo: AmqpMap | undefined;
}

/**
 * The filters that a source asks for (§3.5.8): what is between the keys' quotes is the client's, the descriptor tells
 * what a filter is. A queue has no "nothing of one's own", so there it is not in force.
 */
export function readFilters(
  filter: AmqpMap | undefined,
  kind: 'queue' | 'topic',
): Filters | { readonly refusal: AmqpError } {
  let selector: Condition | undefined;
  let noLocal = false;
  const echo: [AmqpValue, AmqpValue][] = [];
  for (const [key, value] of filter?.entries ?? []) {
    if (value === null) continue;
    if (is(value, noLocalFilter)) {
      if (kind === 'queue') continue;
      noLocal = true;
    } else if (is(value, selectorFilter)) {
      if (typeof value.value !== 'string') return refuse(condition.invalidField, 'a selector is a string');
      if (selector) return refuse(condition.invalidField, 'a source has one selector');
      try {
        // JMS 2.0 §3.8.1.1: an empty one is none
        if (value.value.trim() !== '') selector = compileSelector(value.value);
      } catch (error) {
        if (!(error instanceof FilterSyntaxError)) throw error;
        return refuse(condition.invalidField, `selector, at character ${error.offset + 1}: ${error.message}`);
      }
    } else {
      return refuse(
        condition.notImplemented,
        `the link asks for the filter ${nameOf(key, value)}, which is not known here; known are ${selectorFilter.name} and ${noLocalFilter.name}`,
      );
    }
    echo.push([key, value]);
  }
  return { selector, noLocal, echo: echo.length === 0 ? undefined : new AmqpMap(echo) };
}

/** The filter of a selector. */
export const filterFor = (name: string, selector: string): AmqpMap =>
  new AmqpMap([[symbol(name), new Described(new Typed('ulong', selectorFilter.code), selector)]]);

/** What the exchange is to give a receiver of this container. */
export function selectionOf({ selector, noLocal }: Filters, containerId: string): Selection | undefined {
  return selector || noLocal
    ? { condition: selector, notFrom: noLocal ? containerId : undefined }
    : undefined;
}

function is(value: AmqpValue, { name, code }: typeof selectorFilter): value is Described {
  if (!(value instanceof Described) || !(value.descriptor instanceof Typed)) return false;
  return value.descriptor.value === name || value.descriptor.value === code;
}

function nameOf(key: AmqpValue, value: AmqpValue): string {
  const named = value instanceof Described ? value.descriptor : key;
  const text = named instanceof Typed ? named.value : named;
  return typeof text === 'string' || typeof text === 'bigint' ? String(text).slice(0, 100) : '(unnamed)';
}

const refuse = (name: string, description: string): { refusal: AmqpError } => ({
  refusal: { condition: name, description },
});
