/**
 * A relay that does no more than the load processes force it to: no routes, no checks, no envelope. What passes
 * through it in the benchmark's own arrangement is the ceiling of the load processes on this machine.
 *
 * Arguments: protocol in, protocol out, and `faulty` for one that loses and doubles messages on purpose.
 */
import type { AddressInfo, Server } from 'node:net';
import { amqpOutput } from './amqp.ts';
import { doublesAt, losesAt, period } from './faults.ts';
import type { Forward } from './link.ts';
import { mqttInput, mqttOutput } from './mqtt.ts';
import { stompInput } from './stomp.ts';

const [from, to, faulty] = process.argv.slice(2);
const { server: out, output } = to === 'amqp' ? amqpOutput() : mqttOutput();
const forward: Forward = faulty ? withFaults(output.send) : output.send;
const input = from === 'mqtt' ? mqttInput(forward) : stompInput(forward);

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)),
  );

process.stdout.write(`${JSON.stringify({ [from!]: await listen(input), [to!]: await listen(out) })}\n`);

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
