import type { Captures } from '../core/address.ts';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { compileBody } from './body.ts';
import { compileCompression, compileDecompression } from './compression.ts';
import type { SchemaContext } from './schema-format.ts';
import type { TransformSettings } from './schema.ts';
import type { Step, Transform } from './transform.ts';
import { invalid, tooDeep } from './values.ts';

/**
 * Makes what a target's keys say; undefined where they say nothing. Reads the files that they name and compiles
 * everything, but connects to nothing.
 * @throws TransformError with the keys and the offset of what is wrong
 */
export async function compileTransform(
  settings: TransformSettings,
  context: SchemaContext,
): Promise<Transform | undefined> {
  const { decompress, body, compress } = settings;
  const steps: Step[] = [];
  let async = false;
  if (decompress !== undefined) steps.push(await compileDecompression(decompress));
  if (body !== undefined) {
    const compiled = await compileBody(body, context);
    steps.push(compiled.step);
    async ||= compiled.async;
  }
  if (compress !== undefined) steps.push(await compileCompression(compress));
  if (decompress !== undefined || compress !== undefined) async = true;
  return steps.length === 0 ? undefined : Object.assign(inTurn(steps), { async });
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
