import { Store } from '../../src/store/store.ts';
import { keptLog } from '../helpers.ts';
import type { Ledger } from './ledger.ts';

/** A target of the route, as its spool tells it from others: by what is written there. */
export interface StoredTarget {
  readonly endpoint: string;
  readonly address: string;
}

/**
 * Tells the ledger what a gateway that has ended keeps: what is in its spools and for which targets, and dead letters.
 * @throws JunctionError where the store is in use or cannot be read
 */
export async function readStore(
  folder: string,
  targets: readonly StoredTarget[],
  ledger: Ledger,
): Promise<void> {
  const store = new Store({ folder, damaged: 'refuse' }, keptLog());
  await store.open();
  try {
    for (const spool of store.spools())
      for (let after = 0, part = spool.read(0, 100, 1e6); part.length > 0; part = spool.read(after, 100, 1e6))
        for (const { sequence, message, done } of part) {
          after = sequence;
          for (const { endpoint, address } of targets)
            if (!done.includes(`${endpoint} ${address}`)) ledger.spooled(address, textOf(message.body));
        }
    let after: string | undefined;
    do {
      const letters = await store.deadLetters.list({}, { limit: 100, ...(after !== undefined && { after }) });
      after = letters.at(-1)?.id;
      for (const { id, address } of letters) {
        const text = textOf((await store.deadLetters.get(id))!.message.body);
        // One of a route as a whole stands for all its targets.
        for (const at of address === undefined ? targets.map((each) => each.address) : [address])
          ledger.buried(at, text);
      }
    } while (after !== undefined);
  } finally {
    await store.close();
  }
}

const textOf = (body: Uint8Array | null): string => Buffer.from(body ?? []).toString();
