export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>=';

/** A selector as it was understood. Chains are lists, so that no selector makes a deep tree but by its parentheses. */
export type Node = { readonly offset: number } & (
  | { readonly kind: 'literal'; readonly value: string | number | bigint | boolean }
  | { readonly kind: 'name'; readonly name: string }
  | { readonly kind: 'negative'; readonly operand: Node }
  | { readonly kind: 'sum' | 'product'; readonly first: Node; readonly rest: readonly Step[] }
  | { readonly kind: 'compare'; readonly op: Comparison; readonly left: Node; readonly right: Node }
  | {
      readonly kind: 'between';
      readonly not: boolean;
      readonly value: Node;
      readonly low: Node;
      readonly high: Node;
    }
  | { readonly kind: 'in'; readonly not: boolean; readonly value: Node; readonly list: readonly Node[] }
  | {
      readonly kind: 'like';
      readonly not: boolean;
      readonly value: Node;
      readonly pattern: string;
      readonly escape: string | undefined;
    }
  | { readonly kind: 'null'; readonly not: boolean; readonly value: Node }
  | { readonly kind: 'not'; readonly operand: Node }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Node[] }
);

export interface Step {
  readonly op: '+' | '-' | '*' | '/';
  readonly operand: Node;
}

/** What a node can be, as far as its text tells; `any` is a name, whose value the message tells. */
export type Sort = 'string' | 'number' | 'boolean' | 'any';

export function sortOf(node: Node): Sort {
  switch (node.kind) {
    case 'literal': {
      const type = typeof node.value;
      return type === 'string' || type === 'boolean' ? type : 'number';
    }
    case 'name':
      return 'any';
    case 'negative':
    case 'sum':
    case 'product':
      return 'number';
    default:
      return 'boolean';
  }
}
