const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/**
 * A duration as people write it in a configuration: `5m`, `90s`, `1.5s`, `200ms`.
 * @param ms milliseconds
 */
export function durationText(ms: number): string {
  const whole = units.find(([, size]) => ms !== 0 && ms % size === 0);
  if (whole) return `${ms / whole[1]}${whole[0]}`;
  return ms % 100 === 0 && Math.abs(ms) > 1000 ? `${ms / 1000}s` : `${ms}ms`;
}
