import { JunctionError } from '../../src/core/errors.ts';
import { accepted } from '../../src/core/outcome.ts';
import { startListener, type Bench } from '../protocols/amqp/support.ts';

/** The listener that foreign AMQP clients meet: `jms.events.#` are topics, and a route reads each `routed.<outcome>`. */
export async function startForForeigners(): Promise<Bench> {
  const bench = await startListener({ topics: ['jms.events.#'] });
  for (const outcome of ['accepted', 'rejected', 'released']) bench.intake.read.add(`routed.${outcome}`);
  bench.intake.answer = ({ address }) => {
    if (address === 'routed.rejected')
      return { state: 'rejected', error: new JunctionError('refused', 'not wanted') };
    if (address === 'routed.released')
      return { state: 'released', error: new JunctionError('unavailable', 'try later') };
    return accepted;
  };
  return bench;
}
