import assert from 'node:assert/strict';
import { JunctionError } from '../../src/core/errors.ts';
import { accepted } from '../../src/core/outcome.ts';
import { sections } from '../e2e/amqp-bytes.ts';
import { Tap } from '../e2e/raw-amqp.ts';
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

/**
 * Runs a client against such a listener, and looks at the bytes of both: the bare message and footer of everything
 * delivered must be, byte for byte, those of a message that was sent (AMQP 1.0 §3.2).
 * @param least how many messages must have come back for this to have shown anything
 */
export async function withForeigner(
  least: number,
  client: (port: number) => Promise<string>,
): Promise<{ readonly out: string; readonly bench: Bench }> {
  const bench = await startForForeigners();
  const tap = await Tap.open(bench.port);
  const out = await client(tap.port);
  await tap.close();
  const same = (message: Buffer): string => {
    const { bare, footer } = sections(message);
    return `${bare.toString('hex')} ${footer?.toString('hex')}`;
  };
  const sent = new Set(tap.sent.map(same));
  for (const message of tap.delivered)
    assert.ok(sent.has(same(message)), `nobody sent this: ${message.toString('hex').slice(0, 2000)}`);
  assert.ok(tap.delivered.length >= least, `only ${tap.delivered.length} messages were delivered`);
  return { out, bench };
}
