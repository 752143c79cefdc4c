import { envelope, type Envelope, type Header } from '../core/envelope.ts';
import { crashPoint } from '../core/crash-point.ts';
import { JunctionError } from '../core/errors.ts';
import { deadLetterHeaders as names } from '../core/reserved-headers.ts';
import { identityOf } from '../core/identity.ts';
import type { Sink } from '../core/protocol.ts';
import type { DeadLetterStore, RouteDeadLetter } from '../core/storage.ts';
import type { DeadLetterTarget } from './route/route.ts';

const ours: ReadonlySet<string> = new Set(Object.values(names));

/** A dead letter as a message: the original, with reserved headers that say what became of it. */
export function toMessage(letter: RouteDeadLetter): Envelope {
  const { message } = letter;
  const headers: Header[] = [
    // Of a dead letter that dies again the last death counts.
    ...message.headers.filter(([name]) => !ours.has(name)),
    [names.code, letter.code],
    [names.reason, letter.reason],
    [names.route, letter.route],
    [names.source, letter.source],
    ...(letter.endpoint === undefined ? [] : [[names.endpoint, letter.endpoint] as const]),
    ...(letter.address === undefined ? [] : [[names.target, letter.address] as const]),
    [names.attempts, letter.attempts, 'int'],
    [names.firstAt, letter.firstAt, 'timestamp'],
    [names.lastAt, letter.lastAt, 'timestamp'],
    [names.address, message.address],
  ];
  if (message.expiresAt !== undefined) headers.push([names.expiresAt, message.expiresAt, 'timestamp']);
  return envelope({
    ...message,
    headers,
    durable: true,
    // It would vanish from where people look for it, and MQTT would show it to every new subscriber.
    expiresAt: undefined,
    retain: false,
    hops: message.hops + 1,
    via: [...message.via, letter.route],
    // It is not the message: one that failed at two targets makes two letters, and the message itself may be there too.
    identity: [identityOf(message), letter.route, letter.endpoint ?? [], letter.address ?? []]
      .flat()
      .join(' '),
    origin: undefined,
  });
}

/** Takes dead letters to where they are kept. */
export class DeadLetters {
  readonly #sinks: ReadonlyMap<string, Sink>;
  #store: DeadLetterStore | undefined;

  /** @param store undefined where no route uses it */
  constructor(sinks: ReadonlyMap<string, Sink>, store: DeadLetterStore | undefined) {
    this.#sinks = sinks;
    this.#store = store;
  }

  /** From now on there is a store. */
  use(store: DeadLetterStore): void {
    this.#store = store;
  }

  /**
   * Resolves once the letter is kept.
   * @throws JunctionError where it is not: then its source must stay unacknowledged
   */
  async bury(letter: RouteDeadLetter, target: DeadLetterTarget): Promise<void> {
    try {
      crashPoint?.('burying');
      if (target !== 'store') await this.#sinks.get(target.endpoint)!.send(toMessage(letter), target.address);
      else if (this.#store) await this.#store.add(letter);
      else throw new JunctionError('unavailable', 'the store is not open');
      crashPoint?.('buried');
    } catch (reason) {
      const where = target === 'store' ? 'the store' : `${target.endpoint} ${target.address}`;
      const { message } = JunctionError.from(reason);
      // Whatever the reason, the message is still its source's.
      throw new JunctionError('unavailable', `its dead letter could not be put into ${where}: ${message}`, {
        cause: reason,
      });
    }
  }
}
