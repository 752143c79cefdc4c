import type { Field, Table } from './codec/table.ts';

/**
 * How often delivery was tried before: what a quorum queue counts (`x-delivery-count`), else once where the broker says
 * `redelivered`; and before that, how often it was refused in other queues (`x-death`; what merely waited there, in a
 * retry queue, counts for nothing).
 */
export function deliveryCountOf(headers: Table | undefined, redelivered: boolean): number {
  let here = redelivered ? 1 : 0;
  let elsewhere = 0;
  for (const [name, field] of headers ?? []) {
    if (name === 'x-delivery-count') here = Math.max(here, countOf(field));
    else if (name === 'x-death' && field.tag === 'A')
      for (const death of field.value) elsewhere += refusals(death);
  }
  return here + elsewhere;
}

function refusals(death: Field): number {
  if (death.tag !== 'F') return 0;
  const of = (wanted: string): Field | undefined => death.value.find(([name]) => name === wanted)?.[1];
  const reason = of('reason')?.value;
  return reason === 'rejected' || reason === 'delivery_limit' ? countOf(of('count')) : 0;
}

function countOf(field: Field | undefined): number {
  const count =
    typeof field?.value === 'bigint' || typeof field?.value === 'number' ? Number(field.value) : 0;
  return count > 0 && count <= 1_000_000 ? Math.floor(count) : 0;
}
