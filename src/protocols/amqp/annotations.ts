import { Typed, type AmqpValue } from './codec/types.ts';

/** The message annotation that carries `Envelope.hops`, a uint. */
export const hopsAnnotation = 'x-opt-junction-hops';
/**
 * The message annotation that tells a receiver of many addresses which one a message went to, a string, where the
 * bare message, which is its sender's alone, names another one or none.
 */
export const addressAnnotation = 'x-opt-junction-address';

/** The name of an annotation whose key is a symbol. */
export const nameOf = (key: AmqpValue): string | undefined =>
  key instanceof Typed && key.type === 'symbol' ? (key.value as string) : undefined;

/** Whether this gateway writes it. */
export const isOurs = (name: string | undefined): boolean =>
  name === hopsAnnotation || name === addressAnnotation;
