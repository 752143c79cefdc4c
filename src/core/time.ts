/** Ms since the epoch from text, as far as a date reaches; else undefined. */
export function timeFromText(text: string): number | undefined {
  if (!/^-?\d{1,16}$/.test(text)) return undefined;
  const time = Number(text);
  return Math.abs(time) <= 8.64e15 ? time : undefined;
}

/** Whether brokers take it for the time at which a message was made: not before 1970, nor in the future. */
export const isPlausibleTime = (timestamp: number, now: number): boolean =>
  timestamp >= 0 && timestamp < now + latestAhead;
/** In ms. Kafka allows an hour, since clocks differ. */
const latestAhead = 30 * 60_000;
