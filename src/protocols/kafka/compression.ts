import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import kafkajs from 'kafkajs';
import { compressionBits, type CompressionName } from './wire/record-batch.ts';

/** Compresses and expands the records of a batch. */
interface Codec {
  compress(bytes: Buffer): Promise<Uint8Array>;
  decompress(bytes: Buffer): Promise<Uint8Array>;
}

const loaders: Readonly<Record<Exclude<CompressionName, 'none'>, () => Promise<Codec>>> = {
  gzip: () =>
    Promise.resolve({
      compress: promisify<Buffer, Buffer>(gzip),
      decompress: promisify<Buffer, Buffer>(gunzip),
    }),
  snappy,
  lz4,
  zstd,
};

const loaded = new Map<string, Promise<Codec>>();

/** The library is loaded when it is first needed. */
function codec(name: keyof typeof loaders): Promise<Codec> {
  let loading = loaded.get(name);
  if (!loading) loaded.set(name, (loading = loaders[name]()));
  return loading;
}

/** How records are compressed. */
export const compressWith =
  (name: keyof typeof loaders) =>
  async (records: Buffer): Promise<Buffer> =>
    toBuffer(await (await codec(name)).compress(records));

// kafkajs, which reads for us, brings gzip alone; any producer may have used any.
for (const name of Object.keys(loaders) as (keyof typeof loaders)[])
  (kafkajs.CompressionCodecs as Record<number, () => object>)[compressionBits[name]] = () => ({
    decompress: async (bytes: Buffer) => toBuffer(await (await codec(name)).decompress(bytes)),
  });

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
