import type { AddressPattern } from '../core/address.ts';
import type { Template } from '../core/template.ts';
import type { ValueTemplate } from '../core/value-template.ts';

export interface RouteTarget {
  readonly endpoint: string;
  readonly template: Template;
  /** What the ordering key becomes. */
  readonly key?: ValueTemplate | undefined;
}

/** One line of the routing table, checked against the endpoints it names. */
export interface ResolvedRoute {
  /** Unique over all files. */
  readonly name: string;
  readonly description: string | undefined;
  /** The department it belongs to. */
  readonly owner: string | undefined;
  /** Where it is written. */
  readonly file: string;
  readonly line: number;
  readonly from: { readonly endpoint: string; readonly pattern: AddressPattern };
  /** All must confirm before the source is told `accepted`. */
  readonly to: readonly RouteTarget[];
}
