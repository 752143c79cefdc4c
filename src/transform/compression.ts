import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { envelope, type Envelope } from '../core/envelope.ts';
import { encodings, type Encoding } from './encodings.ts';
import type { TransformSettings } from './schema.ts';
import type { Step } from './transform.ts';
import { invalid } from './values.ts';

/** Bodies up to this size are done at once: giving them to another thread takes longer. */
const small = 16 * 1024;

interface Codec {
  compress(body: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** @throws Error where it is no such body or becomes larger than `max` */
  expand(body: Uint8Array, max: number): Uint8Array | Promise<Uint8Array>;
}

type Call<Options> = (body: Uint8Array, options: Options) => Buffer;
type Calls<Options> = readonly [
  now: Call<Options>,
  later: (...args: Parameters<Call<Options>>) => Promise<Buffer>,
];

const codec = <Packing, Unpacking extends { maxOutputLength?: number | undefined }>(
  pack: Calls<Packing>,
  packing: Packing,
  unpack: Calls<Unpacking>,
): Codec => ({
  compress: (body) => pack[body.length <= small ? 0 : 1](body, packing),
  expand: (body, max) => unpack[body.length <= small ? 0 : 1](body, { maxOutputLength: max } as Unpacking),
});

// RFC 9110 §8.4.1.2: "deflate" is the zlib format; some send the bare one.
const inflate: Calls<zlib.ZlibOptions> = [
  (body, options) => (isZlib(body) ? zlib.inflateSync : zlib.inflateRawSync)(body, options),
  (body, options) =>
    promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(isZlib(body) ? zlib.inflate : zlib.inflateRaw)(
      body,
      options,
    ),
];

/** RFC 1950 §2.2 */
const isZlib = (body: Uint8Array): boolean =>
  body.length >= 2 && (body[0]! & 0x0f) === 8 && ((body[0]! << 8) | body[1]!) % 31 === 0;

const codecs: Readonly<Record<Encoding, () => Promise<Codec>>> = {
  gzip: () =>
    Promise.resolve(
      codec([zlib.gzipSync, promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.gzip)], {}, [
        zlib.gunzipSync,
        promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.gunzip),
      ]),
    ),
  deflate: () =>
    Promise.resolve(
      codec(
        [zlib.deflateSync, promisify<zlib.InputType, zlib.ZlibOptions, Buffer>(zlib.deflate)],
        {},
        inflate,
      ),
    ),
  br: () =>
    Promise.resolve(
      codec(
        [zlib.brotliCompressSync, promisify<zlib.InputType, zlib.BrotliOptions, Buffer>(zlib.brotliCompress)],
        // the default quality takes a hundred times as long
        { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5 } },
        [
          zlib.brotliDecompressSync,
          promisify<zlib.InputType, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress),
        ],
      ),
    ),
  zstd: async () => (await import('./zstd.ts')).zstd(),
};

/** Expands bodies; the content encoding no longer says so. */
export async function compileDecompression(
  settings: NonNullable<TransformSettings['decompress']>,
): Promise<Step> {
  const { encoding, max } = typeof settings === 'string' ? { encoding: settings, max: defaultMax } : settings;
  const loaded = new Map<string, Codec>();
  for (const name of encoding === 'auto' ? encodings : [encoding]) loaded.set(name, await codecs[name]());
  loaded.set('x-gzip', loaded.get('gzip')!); // RFC 9110 §8.4.1.3
  return (message) => {
    const { body } = message;
    if (body === null) return message;
    const name = encoding === 'auto' ? namedIn(message) : encoding;
    if (name === undefined) return message;
    const found = loaded.get(name);
    if (found === undefined)
      throw invalid(`the content encoding "${name}" is not known; known are ${encodings.join(', ')}`);
    const done = (expanded: Uint8Array): Envelope =>
      envelope({ ...message, body: expanded, contentEncoding: undefined, origin: undefined });
    const failed = (error: unknown): never => {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
        throw invalid(`the body is more than ${max} bytes when expanded`, error);
      throw invalid(`the body cannot be expanded (${name}): ${(error as Error).message}`, error);
    };
    try {
      const expanded = found.expand(body, max);
      return expanded instanceof Promise ? expanded.then(done, failed) : done(expanded);
    } catch (error) {
      return failed(error);
    }
  };
}

const defaultMax = 16 * 1024 ** 2;

/** Compresses bodies that are not compressed yet. */
export async function compileCompression(encoding: Encoding): Promise<Step> {
  const used = await codecs[encoding]();
  return (message) => {
    const { body } = message;
    if (body === null || namedIn(message) !== undefined) return message;
    const done = (packed: Uint8Array): Envelope =>
      envelope({ ...message, body: packed, bodyType: 'data', contentEncoding: encoding, origin: undefined });
    const packed = used.compress(body);
    return packed instanceof Promise ? packed.then(done) : done(packed);
  };
}

/** What the body is compressed with. */
function namedIn({ contentEncoding }: Envelope): string | undefined {
  const name = contentEncoding?.trim().toLowerCase();
  return name === '' || name === 'identity' ? undefined : name;
}
