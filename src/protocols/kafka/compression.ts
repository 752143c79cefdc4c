import kafkajs, { type CompressionTypes as Type } from 'kafkajs';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** What `compression` may be, and kafkajs's number for it. */
export const compressions = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
} as const satisfies Readonly<Record<string, Type>>;

/** Compresses and expands the record batches of one kind of compression. */
interface Codec {
  compress(bytes: Buffer): Promise<Uint8Array>;
  decompress(bytes: Buffer): Promise<Uint8Array>;
}

/** kafkajs brings gzip alone; readers need all four, for any producer may have used any. */
const codecs: readonly (readonly [Type, () => Promise<Codec>])[] = [
  [CompressionTypes.Snappy, snappy],
  [CompressionTypes.LZ4, lz4],
  [CompressionTypes.ZSTD, zstd],
];

for (const [type, load] of codecs) {
  let loading: Promise<Codec> | undefined;
  const codec = () => (loading ??= load()); // the library is loaded when it is first needed
  (CompressionCodecs as Record<Type, () => object>)[type] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => toBuffer(await (await codec()).compress(buffer)),
    decompress: async (bytes: Buffer) => toBuffer(await (await codec()).decompress(bytes)),
  });
}

const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** What Java clients write before snappy blocks: a name, then version and lowest compatible version. */
const xerialHead = Buffer.from('82534e4150505900' + '00000001' + '00000001', 'hex');

async function snappy(): Promise<Codec> {
  const { compress, uncompress } = (await import('snappy')).default;
  return {
    compress: async (bytes) => {
      const block = await compress(bytes);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(block.length);
      return Buffer.concat([xerialHead, length, block]);
    },
    decompress: async (bytes) => {
      // librdkafka and others write one block without a head.
      if (!bytes.subarray(0, 8).equals(xerialHead.subarray(0, 8)))
        return (await uncompress(bytes, { asBuffer: true })) as Buffer;
      const blocks: Buffer[] = [];
      for (let at = xerialHead.length; at < bytes.length;) {
        const end = at + 4 + bytes.readUInt32BE(at);
        blocks.push((await uncompress(bytes.subarray(at + 4, end), { asBuffer: true })) as Buffer);
        at = end;
      }
      return Buffer.concat(blocks);
    },
  };
}

async function lz4(): Promise<Codec> {
  const { compressFrame, decompressFrame } = (await import('lz4-napi')).default;
  return { compress: (bytes) => compressFrame(bytes), decompress: (bytes) => decompressFrame(bytes) };
}

async function zstd(): Promise<Codec> {
  const { Zstd } = await import('@hpcc-js/wasm-zstd');
  const library = await Zstd.load();
  return {
    compress: (bytes) => Promise.resolve(library.compress(bytes)),
    decompress: (bytes) => Promise.resolve(library.decompress(bytes)),
  };
}
