export { compileTransform } from './compile.ts';
export { transformSchema, type TransformSettings } from './schema.ts';
export { TransformError, type Transform } from './transform.ts';
