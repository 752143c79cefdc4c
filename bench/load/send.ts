/** A load process: publishes numbered messages on several connections, closed loop (window) or open loop (rate). */
import { amqpSender } from './amqp-sender.ts';
import { now } from './clock.ts';
import { Lane, Sent } from './lane.ts';
import type { Command, Reply, SenderSpec } from './messages.ts';
import { mqttSender } from './mqtt-sender.ts';
import { fail, serve, specOf } from './serve.ts';
import { stompSender } from './stomp-sender.ts';

const spec = specOf<SenderSpec>();
const total = new Sent();
const makeWire = { mqtt: mqttSender, stomp: stompSender, amqp: amqpSender }[spec.protocol];
const lanes = Array.from({ length: spec.connections }, (_, n) => new Lane(spec, n, makeWire, total));
const sleeper = new Int32Array(new SharedArrayBuffer(4));
let running = 0;

process.on('uncaughtException', fail);
for (const lane of lanes) await lane.open(fail);
serve(handle);

function handle(command: Command): Reply {
  switch (command.kind) {
    case 'go':
      go(command.rate);
      return { kind: 'done' };
    case 'hold':
      running++;
      for (const lane of lanes) lane.follow(undefined);
      return { kind: 'done' };
    case 'reset':
      total.latency.reset();
      return { kind: 'done' };
    case 'snapshot': {
      const { sent, acknowledged, refused, latency } = total;
      return {
        kind: 'snapshot',
        value: { at: now(), sent, acknowledged, refused, latency: latency.data() },
      };
    }
  }
}

function go(rate: number): void {
  const schedule = { rate, start: now() };
  for (const lane of lanes) lane.follow(schedule);
  const mine = ++running;
  if (rate > 0) setImmediate(pace);
  else if (spec.protocol === 'mqtt' && spec.qos === 0) setImmediate(flood);
  else for (const lane of lanes) lane.pump();

  /** Without acknowledgements nothing but the socket holds the sender back. */
  function flood(): void {
    if (running !== mine) return;
    for (const lane of lanes) lane.pump();
    setImmediate(flood);
  }

  /** A timer's millisecond is too coarse for an intended time: sleep, to the microsecond, between looks at the sockets. */
  function pace(): void {
    if (running !== mine) return;
    let next = Infinity;
    const at = now();
    for (const lane of lanes) next = Math.min(next, lane.pump(at));
    const pause = Math.min(next - now(), 500);
    if (pause > 20) Atomics.wait(sleeper, 0, 0, pause / 1000);
    setImmediate(pace);
  }
}
