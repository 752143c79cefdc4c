const form = /^(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Ms since the epoch of a timestamp of RFC 3339, what is finer left out; undefined where it is none. */
export function timeOf(text: string): number | undefined {
  const found = form.exec(text);
  if (!found) return undefined;
  const [, day, hour, minute, second, fraction = '', sign, offsetHour = '0', offsetMinute = '0'] = found;
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59 || Number(second) > 60) return undefined;
  // A leap second (RFC 3339 §5.7) has no number of its own.
  const whole = Date.parse(`${day}T${hour}:${minute}:${second === '60' ? '59' : second}Z`);
  // Date.parse takes the 31st of every month.
  if (Number.isNaN(whole) || hour === '24' || !new Date(whole).toISOString().startsWith(day!))
    return undefined;
  const offset = (Number(offsetHour) * 60 + Number(offsetMinute)) * 60_000;
  return whole + Number(fraction.padEnd(3, '0').slice(0, 3)) - (sign === '-' ? -offset : offset);
}
