import type { Writer } from '../codec/writer.ts';
import type { DeliveryOutcome } from './api.ts';
import { writeDisposition } from './frames/disposition.ts';
import { distance, next } from './serial.ts';

/** Whether two outcomes are one and the same to the peer. */
const same = (a: DeliveryOutcome, b: DeliveryOutcome): boolean =>
  a === b || (a.state === b.state && (a.state === 'accepted' || a.state === 'released'));

/** What settlements need of their session. */
export interface SettlementSession {
  beginFrame(): Writer;
  endFrame(): void;
}

/**
 * Gathers settlements into ranges: one disposition for deliveries with adjacent ids and the same outcome. What does
 * not join the range under way is no reason to wait: that range is written and the next one begins.
 */
export class DispositionRuns {
  readonly #session: SettlementSession;
  /** Whether we are the receiver of the deliveries. */
  readonly #receiver: boolean;
  #first = 0;
  #last = 0;
  #outcome: DeliveryOutcome | undefined;

  constructor(session: SettlementSession, receiver: boolean) {
    this.#session = session;
    this.#receiver = receiver;
  }

  add(id: number, outcome: DeliveryOutcome): void {
    if (this.#outcome !== undefined) {
      if (id === next(this.#last) && same(outcome, this.#outcome)) {
        this.#last = id;
        return;
      }
      this.flush();
    }
    this.#first = id;
    this.#last = id;
    this.#outcome = outcome;
  }

  flush(): void {
    const outcome = this.#outcome;
    if (outcome === undefined) return;
    this.#outcome = undefined;
    writeDisposition(this.#session.beginFrame(), this.#receiver, this.#first, this.#last, outcome);
    this.#session.endFrame();
  }
}

/**
 * Calls `visit` for every delivery of the table within a range of ids, in order. Its cost is that of the smaller of
 * range and table, whatever range a peer names; deliveries added meanwhile are not visited.
 */
export function visitRange<T>(
  table: ReadonlyMap<number, T>,
  first: number,
  last: number,
  visit: (id: number, delivery: T) => void,
): void {
  if (table.size === 0) return;
  if (first === last) {
    const delivery = table.get(first);
    if (delivery !== undefined) visit(first, delivery);
    return;
  }
  const span = distance(first, last);
  const found: number[] = [];
  if (span <= table.size * 2) {
    for (let i = 0, id = first; i <= span; i++, id = next(id)) if (table.has(id)) found.push(id);
  } else {
    for (const id of table.keys()) if (distance(first, id) <= span) found.push(id);
  }
  for (const id of found) {
    const delivery = table.get(id);
    if (delivery !== undefined) visit(id, delivery);
  }
}
