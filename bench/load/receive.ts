/** A load process: receives, settles and counts messages. */
import { receiveAmqp } from './amqp-receiver.ts';
import { now } from './clock.ts';
import type { Command, ReceiverSpec, Reply } from './messages.ts';
import { receiveMqtt } from './mqtt-receiver.ts';
import { fail, serve, specOf } from './serve.ts';
import { receiveStomp } from './stomp-receiver.ts';
import { Tally } from './tally.ts';

const spec = specOf<ReceiverSpec>();
const tally = new Tally(spec.run, spec.messageSize);

process.on('uncaughtException', fail);
for (let lane = 0; lane < spec.connections; lane++) await open(lane);
serve(handle);

/** Client libraries are loaded only where they are used. */
async function open(lane: number): Promise<void> {
  switch (spec.protocol) {
    case 'mqtt':
      return receiveMqtt(spec, lane, tally, fail);
    case 'amqp':
      return receiveAmqp(spec, lane, tally, fail);
    case 'stomp':
      return receiveStomp(spec, lane, tally, fail);
    case 'rhea':
      return (await import('./rhea-receiver.ts')).receiveRhea(spec, lane, tally, fail);
    case 'kafka':
      return (await import('./kafka-receiver.ts')).receiveKafka(spec, tally, fail);
  }
}

function handle(command: Command): Reply {
  if (command.kind === 'reset') tally.latency.reset();
  if (command.kind !== 'snapshot') return { kind: 'done' };
  const { received, duplicates, disordered, foreign, latency } = tally;
  return {
    kind: 'snapshot',
    value: { at: now(), received, duplicates, disordered, foreign, latency: latency.data() },
  };
}
