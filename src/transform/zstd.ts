import { Zstd } from '@hpcc-js/wasm-zstd';

/** Compresses and expands Zstandard (RFC 8878). */
export async function zstd(): Promise<{
  compress(body: Uint8Array): Uint8Array;
  expand(body: Uint8Array, max: number): Uint8Array;
}> {
  const library = await Zstd.load();
  const expand = (body: Uint8Array, max: number): Uint8Array => {
    if ((contentSize(body) ?? 0) > max) throw tooLarge();
    let expanded: Uint8Array;
    try {
      expanded = library.decompress(body);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('too small')) throw error;
      // It said nothing of its size, or of that of its first frame alone, and is larger than the library guesses.
      expanded = withRoom(library, body, max);
    }
    if (expanded.length > max) throw tooLarge();
    return expanded;
  };
  return { compress: (body) => library.compress(body), expand };
}

const tooLarge = (): Error => Object.assign(new Error('it is too large'), { code: 'ERR_BUFFER_TOO_LARGE' });

/** The library gives what begins with a frame of no content (RFC 8878 §3.1.2) room for 20 times its length. */
function withRoom(library: Zstd, body: Uint8Array, max: number): Uint8Array {
  const padding = Math.max(0, Math.ceil(max / 20) - body.length);
  const padded = Buffer.alloc(8 + padding + body.length);
  padded.writeUInt32LE(0x184d2a50, 0);
  padded.writeUInt32LE(padding, 4);
  padded.set(body, 8 + padding);
  try {
    return library.decompress(padded);
  } catch (error) {
    throw error instanceof Error && error.message.includes('too small') ? tooLarge() : error;
  }
}

/** What the first frame says of its size when expanded, if it does (RFC 8878 §3.1.1.1). */
function contentSize(body: Uint8Array): number | undefined {
  const view = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (view.length < 5 || view.readUInt32LE(0) !== 0xfd2fb528) return undefined;
  const descriptor = view[4]!;
  const single = (descriptor & 0x20) !== 0;
  const length = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!;
  const at = 5 + (single ? 0 : 1) + [0, 1, 2, 4][descriptor & 3]!;
  if (length === 0 || view.length < at + length) return undefined;
  if (length === 8) return Number(view.readBigUInt64LE(at));
  return view.readUIntLE(at, length) + (length === 2 ? 256 : 0);
}
