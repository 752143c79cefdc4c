import type { Format, PlainFormat } from './formats.ts';
import { fromBase64, invalid } from './values.ts';

/** The formats that need no schema; each brings its library only when it is asked for. */
const loaders: Readonly<Record<PlainFormat, () => Promise<Format>>> = {
  json: async () => {
    const { decodeJson, encodeJson } = await import('./json.ts');
    return {
      name: 'json',
      contentType: 'application/json',
      text: true,
      decode: (body) => decodeJson(body),
      encode: encodeJson,
    };
  },
  cbor: async () => {
    const { decodeCbor, encodeCbor } = await import('./cbor.ts');
    return {
      name: 'cbor',
      contentType: 'application/cbor',
      text: false,
      decode: decodeCbor,
      encode: encodeCbor,
    };
  },
  msgpack: async () => {
    const { decodeMsgpack, encodeMsgpack } = await import('./msgpack.ts');
    return {
      name: 'msgpack',
      contentType: 'application/msgpack',
      text: false,
      decode: decodeMsgpack,
      encode: encodeMsgpack,
    };
  },
  text: async () => {
    const { textOf } = await import('./json.ts');
    return {
      name: 'text',
      contentType: 'text/plain; charset=utf-8',
      text: true,
      decode: textOf,
      encode: (value) => {
        if (typeof value === 'string') return Buffer.from(value);
        throw invalid('what becomes of the body is not text; "to: json" writes anything');
      },
    };
  },
  binary: () =>
    Promise.resolve({
      name: 'binary',
      contentType: 'application/octet-stream',
      text: false,
      decode: (body) => body,
      encode: (value) => {
        const bytes = typeof value === 'string' ? fromBase64(value) : value;
        if (bytes instanceof Uint8Array) return bytes;
        throw invalid(
          'what becomes of the body is neither bytes nor text in base64; "to: json" writes anything',
        );
      },
    }),
};

export const plainFormat = (name: PlainFormat): Promise<Format> => loaders[name]();
