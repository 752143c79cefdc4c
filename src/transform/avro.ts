import { readFile } from 'node:fs/promises';
import { parseAvro } from './avro-schema.ts';
import { Readers } from './avro-read.ts';
import { Misfit, Writers } from './avro-write.ts';
import { Builder } from './builder.ts';
import { Cursor } from './cursor.ts';
import type { Format } from './formats.ts';
import { invalid } from './values.ts';

/**
 * Avro's binary encoding by a schema: bytes of one value, without the head of a file.
 * @param schemas the schema after those that it uses names of
 * @throws Error that says what is wrong with them
 */
export function avroFormat(schemas: readonly unknown[]): Format {
  const type = parseAvro(schemas);
  const read = new Readers().of(type);
  const writer = new Writers().of(type);
  return {
    name: 'avro',
    contentType: 'avro/binary',
    text: false,
    decode: (body) => {
      const cursor = new Cursor(body, 'Avro of this schema');
      const value = read(cursor, 0);
      cursor.end();
      return value;
    },
    encode: (value) => {
      const builder = new Builder();
      try {
        writer.write(builder, value, 0);
      } catch (error) {
        if (!(error instanceof Misfit)) throw error;
        const where = error.path.length === 0 ? 'the body' : error.path.join('').replace(/^\./, '');
        throw invalid(`the body does not fit the Avro schema: ${where}: ${error.message}`, error);
      }
      return builder.finish();
    },
  };
}

/** @throws Error that says what is wrong with the file */
export async function avroFile(path: string): Promise<Format> {
  return avroFormat([JSON.parse(await readFile(path, 'utf8'))]);
}
