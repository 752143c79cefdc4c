import rhea from 'rhea';
import { now } from './clock.ts';
import type { ReceiverSpec } from './messages.ts';
import type { Tally } from './tally.ts';

/** The same consumer through rhea, only to show in `--prove` what a general client library costs as a sink. */
export async function receiveRhea(
  spec: ReceiverSpec,
  lane: number,
  tally: Tally,
  lost: (error: Error) => void,
): Promise<void> {
  const container = rhea.create_container({ id: `bench-rhea-${process.pid}-${lane}` });
  container.on('disconnected', () => lost(new Error('the peer closed the rhea receiver')));
  container.on('message', ({ message }: rhea.EventContext) => {
    const content = (message!.body as { content?: Buffer }).content;
    if (content) tally.record(content, 0, content.length, now());
    else tally.foreign++;
  });
  const connection = container.connect({ host: '127.0.0.1', port: spec.port, reconnect: false });
  await new Promise<void>((resolve) => {
    container.once('receiver_open', () => resolve());
    connection.open_receiver({
      source: spec.address.replaceAll('{n}', String(lane)),
      credit_window: spec.credit,
      autoaccept: true,
    });
  });
}
