import type { AddressPattern } from './address.ts';

/** Where patterns that begin alike go on. */
export interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  /** By the separator before the wildcard. */
  readonly ones: Map<string, Node<T>>;
  readonly rests: Map<string, Entry<T>[]>;
  readonly ends: Entry<T>[];
}

export interface Entry<T> {
  readonly pattern: AddressPattern;
  readonly value: T;
}
