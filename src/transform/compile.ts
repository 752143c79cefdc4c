import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Captures } from '../core/address.ts';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import type { Transform } from '../core/transform.ts';
import { compileBody } from './body.ts';
import { compileCompression, compileDecompression } from './compression.ts';
import type { SchemaContext } from './schema-format.ts';
import type { TransformSettings } from './schema.ts';
import type { Step } from './transform.ts';
import { invalid, tooDeep } from './values.ts';

/** What a transform is made with. */
export interface CompileContext extends SchemaContext {
  /** Whether the content type is said by something else, and stays as it is. */
  readonly keepsContentType?: boolean;
}

/** A transform of bodies. */
export interface BodyTransform extends Transform {
  /** Whether it may return a promise. */
  readonly async: boolean;
}

/**
 * Makes what a target's keys say; undefined where they say nothing. Reads the files that they name and compiles
 * everything, but connects to nothing.
 * @throws TransformError with the keys and the offset of what is wrong
 */
export async function compileTransform(
  settings: TransformSettings,
  context: CompileContext,
): Promise<BodyTransform | undefined> {
  const { decompress, body, compress } = settings;
  const steps: Step[] = [];
  const files = new Set<string>();
  let async = decompress !== undefined || compress !== undefined;
  if (decompress !== undefined) steps.push(await compileDecompression(decompress));
  if (body !== undefined) {
    const onFile = (path: string): void => {
      files.add(path);
      context.onFile?.(path);
    };
    const compiled = await compileBody(body, { ...context, onFile });
    steps.push(compiled.step);
    async ||= compiled.async;
  }
  if (compress !== undefined) steps.push(await compileCompression(compress));
  if (steps.length === 0) return undefined;
  return {
    identity: await identityOf({ decompress, body, compress }, context, files),
    async,
    apply: inTurn(steps),
  };
}

/** What is written, where schemas are asked for, and a digest of the files. */
async function identityOf(
  settings: TransformSettings,
  { registries, keepsContentType = false }: CompileContext,
  files: ReadonlySet<string>,
): Promise<string> {
  const digest = createHash('sha256');
  for (const file of [...files].sort()) digest.update(await readFile(file).catch(() => '')).update('\0');
  for (const side of [settings.body?.from, settings.body?.to])
    if (typeof side === 'object' && side.registry !== undefined)
      digest.update(JSON.stringify(registries?.get(side.registry)?.settings));
  return `${JSON.stringify([settings, keepsContentType])} ${digest.digest('hex')}`;
}

/** One step after the other, without a promise for as long as none of them gives one. */
function inTurn(steps: readonly Step[]): Step {
  const from = (start: number, message: Envelope, captures: Captures): Envelope | Promise<Envelope> => {
    let current = message;
    for (let n = start; n < steps.length; n++) {
      const next = steps[n]!(current, captures);
      if (next instanceof Promise) return next.then((made) => from(n + 1, made, captures)).catch(refuse);
      current = next;
    }
    return current;
  };
  return (message, captures) => {
    try {
      return from(0, message, captures);
    } catch (error) {
      return refuse(error);
    }
  };
}

/** Whatever a body makes a library do is the body's fault. @throws JunctionError, always */
function refuse(error: unknown): never {
  if (error instanceof JunctionError) throw error;
  if (error instanceof RangeError && error.message.includes('call stack')) throw tooDeep();
  throw invalid(
    `the body cannot be changed: ${error instanceof Error ? error.message : String(error)}`,
    error,
  );
}
