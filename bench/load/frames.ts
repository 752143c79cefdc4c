/**
 * Cuts a stream into frames: `take` looks at the bytes from `start` and returns where the frame ends, or -1 where it
 * is not complete; what is incomplete waits for the next chunk.
 */
export function framed(
  take: (bytes: Buffer, start: number) => number,
  done: () => void,
): (chunk: Buffer) => void {
  let rest: Buffer | undefined;
  return (chunk) => {
    const bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
    let start = 0;
    while (start < bytes.length) {
      const end = take(bytes, start);
      if (end < 0) break;
      start = end;
    }
    rest = start < bytes.length ? bytes.subarray(start) : undefined;
    done();
  };
}
