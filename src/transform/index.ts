export { compileTransform } from './compile.ts';
export { Registry } from './registry.ts';
export { registrySchema, type RegistrySettings } from './registry-schema.ts';
export { transformSchema, type TransformSettings } from './schema.ts';
export { TransformError, type Transform } from './transform.ts';
