/** A capture that an expression asks for, and where. */
export interface CaptureUse {
  readonly name: string;
  /** Of the name within the expression, in UTF-16 code units. */
  readonly offset: number;
}

interface Part {
  readonly type?: string;
  readonly value?: unknown;
  readonly position?: number;
  readonly steps?: readonly Part[];
  readonly lhs?: Part;
  readonly arguments?: readonly Part[];
}

/**
 * The `$captures.name` of an expression that can be read; none where it gives `$captures` a meaning of its own. What it
 * looks up in another way, such as `$lookup($captures, …)`, is not seen.
 */
export async function capturesIn(text: string): Promise<readonly CaptureUse[]> {
  const { default: jsonata } = await import('jsonata');
  const uses: CaptureUse[] = [];
  return collect(jsonata(text).ast(), text, uses) ? uses : [];
}

/** @returns false where `$captures` is given another meaning */
function collect(node: unknown, text: string, uses: CaptureUse[]): boolean {
  if (typeof node !== 'object' || node === null) return true;
  const { type, steps, lhs, arguments: given } = node as Part;
  if (type === 'bind' && isCaptures(lhs)) return false;
  if (type === 'lambda' && given?.some(isCaptures)) return false;
  const [first, second] = steps ?? [];
  if (type === 'path' && isCaptures(first) && second?.type === 'name') {
    const name = String(second.value);
    uses.push({ name, offset: Math.max(0, text.lastIndexOf(name, second.position)) });
  }
  return Object.values(node).every((inner) => collect(inner, text, uses));
}

const isCaptures = (part: Part | undefined): boolean =>
  part?.type === 'variable' && part.value === 'captures';
