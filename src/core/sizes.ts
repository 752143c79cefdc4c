import type { z } from 'zod';
import type { Size, Traits } from './protocol.ts';
import { sizeUnits } from './units.ts';

/** What a setting says of the size of messages. */
export const sizeOf = (setting: z.ZodType<number>, bytes: number): Size => ({
  bytes,
  isDefault: bytes === setting.parse(undefined),
});

/** The traits of an endpoint that takes messages of up to so many bytes from its peers, by this setting. */
export const takingUpTo = (traits: Traits, setting: z.ZodType<number>, bytes: number): Traits => ({
  ...traits,
  sizes: { from: sizeOf(setting, bytes) },
});

/** Bytes as they are configured, in the unit that says them shortest: `4MiB`. */
export function showSize(bytes: number): string {
  const all = Object.entries(sizeUnits).map(([unit, factor]) => `${bytes / factor}${unit}`);
  return all.reduce((best, each) => (each.length < best.length ? each : best));
}
