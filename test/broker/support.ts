import type { Consumer, Delivery } from '../../src/broker/delivery.ts';
import { Exchange, type ExchangeOptions } from '../../src/broker/exchange.ts';
import type { AddressSyntax } from '../../src/core/address.ts';
import { JunctionError } from '../../src/core/errors.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Intake } from '../../src/core/protocol.ts';
import { keptLog, textOf } from '../helpers.ts';

const syntax: AddressSyntax = { separators: '.', one: ['*'], rest: ['#'], maxBytes: 255 };
export const rejected: Outcome = { state: 'rejected', error: new JunctionError('refused', 'no') };
export const released: Outcome = { state: 'released', error: new JunctionError('busy', 'later') };

const exchanges: Exchange[] = [];

export const closeExchanges = (): void => exchanges.splice(0).forEach((exchange) => exchange.close());

const intakeOf = (routes: Record<string, () => Promise<Outcome>>): Intake => ({
  patterns: [],
  readerOf: (address) => (address in routes ? 'the-route' : undefined),
  deliver: (envelope) => routes[envelope.address]!(),
});

/** An exchange with small bounds and these routes; to be closed by `closeExchanges`. */
export function exchangeWith(
  over: Partial<ExchangeOptions> = {},
  routes: Record<string, () => Promise<Outcome>> = {},
  intake: Intake = intakeOf(routes),
): Exchange {
  const exchange = new Exchange({
    syntax,
    log: keptLog(),
    local: true,
    unrouted: 'accept',
    backlog: 5,
    queue_memory: 1e6,
    grace: 60_000,
    ...over,
  });
  exchange.start(intake);
  exchanges.push(exchange);
  return exchange;
}

/** A consumer with credit by hand, which keeps what it gets and, where it has an answer, gives that at once. */
export class Taker implements Consumer {
  readonly name = 'taker';
  readonly got: Delivery[] = [];
  open: number;
  overflowed = false;
  readonly answer: Outcome | undefined;
  constructor(credit = 100, answer?: Outcome) {
    this.open = credit;
    this.answer = answer;
  }
  credit(): number {
    return this.open;
  }
  deliver(delivery: Delivery): void {
    this.open--;
    this.got.push(delivery);
    if (this.answer) delivery.settle(this.answer);
  }
  overflow(): void {
    this.overflowed = true;
  }
  texts(): string[] {
    return this.got.map((d) => textOf(d.envelope.body));
  }
}
