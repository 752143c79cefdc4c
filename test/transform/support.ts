import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { envelope, type Envelope } from '../../src/core/envelope.ts';
import {
  compileTransform,
  Registry,
  registrySchema,
  transformSchema,
  type BodyTransform,
} from '../../src/transform/index.ts';

const target = z.strictObject(transformSchema);

/** Where the schemas of these tests are. */
export const schemas = fileURLToPath(new URL('./schemas/', import.meta.url));

/** A transform of a target's keys, as they stand in a route file. */
export async function transformOf(
  written: z.input<typeof target>,
  registries?: ReadonlyMap<string, Registry>,
): Promise<BodyTransform> {
  const transform = await compileTransform(target.parse(written), { folder: schemas, registries });
  if (transform === undefined) throw new Error('the keys say nothing');
  return transform;
}

/** A schema registry of the configuration, of the name `main`. */
export const registryAt = (url: string, more: object = {}): ReadonlyMap<string, Registry> =>
  new Map([['main', new Registry('main', registrySchema.parse({ url, ...more }))]]);

/** A message with a body, and whatever else is said. */
export const message = (body: Uint8Array | string | null, init: Partial<Envelope> = {}): Envelope =>
  envelope({ address: 'a', body: typeof body === 'string' ? Buffer.from(body) : body, ...init });

/** What becomes of a message. */
export const apply = async (transform: BodyTransform, given: Envelope): Promise<Envelope> =>
  transform.apply(given, new Map());

/** The body as text. */
export const textIn = ({ body }: Envelope): string => Buffer.from(body!).toString();
