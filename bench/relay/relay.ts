/**
 * A relay that does no more than the load processes force it to: no routes, no checks, no envelope. What passes
 * through it in the benchmark's own arrangement is the ceiling of the load processes on this machine.
 *
 * Arguments: protocol in, protocol out, and `faulty` for one that loses and doubles messages on purpose.
 */
import type { AddressInfo, Server } from 'node:net';
import { amqpRelay } from './amqp.ts';
import { doublesAt, losesAt, period } from './faults.ts';
import type { Forward } from './link.ts';
import { mqttInput, mqttOutput } from './mqtt.ts';
import { stompInput, stompOutput } from './stomp.ts';

const [from, to, faulty] = process.argv.slice(2);
let forward: Forward = (body, settle) => deliver(body, settle);
const servers = new Map<string, Server>();
const amqp = amqpRelay((body, settle) => forward(body, settle));
const outputs = { amqp: () => amqp, mqtt: mqttOutput, stomp: stompOutput };
const inputs = { amqp: () => amqp.server, mqtt: mqttInput, stomp: stompInput };
const { server: out, output } = outputs[to as keyof typeof outputs]();
const deliver = output.send;
if (faulty) forward = withFaults(deliver);
servers.set(
  from!,
  inputs[from as keyof typeof inputs]((body, settle) => forward(body, settle)),
);
// AMQP clients of both kinds meet at one server, which is in the map already then.
servers.set(to!, out);

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

const ports: Record<string, number> = {};
for (const [name, server] of servers) ports[name] = await listen(server);
process.stdout.write(`${JSON.stringify(ports)}\n`);

/** The sender is told of success for what is lost, too. */
function withFaults(send: Forward): Forward {
  let count = 0;
  return (body, settle) => {
    const turn = ++count % period;
    if (turn === losesAt) return settle();
    send(body, settle);
    if (turn === doublesAt) send(body, () => undefined);
  };
}
