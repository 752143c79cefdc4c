/**
 * A relay that does no more than the load processes force it to: no routes, no checks, no envelope. What passes
 * through it in the benchmark's own arrangement is the ceiling of the load processes on this machine.
 */
import type { AddressInfo, Server } from 'node:net';
import { amqpOutput } from './amqp.ts';
import type { Forward } from './link.ts';
import { mqttInput, mqttOutput } from './mqtt.ts';
import { stompInput } from './stomp.ts';

const [from, to] = process.argv.slice(2);
const { server: out, output } = to === 'amqp' ? amqpOutput() : mqttOutput();
const forward: Forward = (body, settle) => output.send(body, settle);
const input = from === 'mqtt' ? mqttInput(forward) : stompInput(forward);

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

process.stdout.write(`${JSON.stringify({ [from!]: await listen(input), [to!]: await listen(out) })}\n`);
