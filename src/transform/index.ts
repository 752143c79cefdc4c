export { compileTransform, type BodyTransform, type CompileContext } from './compile.ts';
export { formatOf } from './formats.ts';
export { bodyReader } from './read-body.ts';
export { capturesIn } from './jsonata-captures.ts';
export { Registry } from './registry.ts';
export { registrySchema, type RegistrySettings } from './registry-schema.ts';
export { transformSchema, type TransformSettings } from './schema.ts';
export { TransformError } from './transform.ts';
