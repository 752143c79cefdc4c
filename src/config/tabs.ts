/** A text whose lines are indented with spaces, and the way back to the offsets of the original. */
export interface Indented {
  readonly text: string;
  offset(at: number): number;
}

/** Replaces the tabs that indent lines by `width` spaces each. */
export function indentWithSpaces(text: string, width: number): Indented {
  const starts: {
    readonly mended: number;
    readonly original: number;
    readonly indent: number;
    readonly was: number;
  }[] = [];
  let mended = '';
  let original = 0;
  for (const line of text.split('\n')) {
    const was = /^[ \t]*/.exec(line)![0];
    const indent = was.replaceAll('\t', ' '.repeat(width));
    starts.push({ mended: mended.length, original, indent: indent.length, was: was.length });
    mended += `${indent}${line.slice(was.length)}\n`;
    original += line.length + 1;
  }
  return {
    text: mended.slice(0, -1),
    offset: (at) => {
      const line = starts[lastAtMost(starts, at)]!;
      const column = at - line.mended;
      return (
        line.original + (column >= line.indent ? column - line.indent + line.was : Math.min(column, line.was))
      );
    },
  };
}

function lastAtMost(starts: readonly { readonly mended: number }[], at: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle]!.mended <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}
