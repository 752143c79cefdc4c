import { Method } from './codec/methods.ts';
import { writeTable, type Field, type Table } from './codec/table.ts';
import type { Writer } from './codec/writer.ts';
import type { Declarations } from './config.ts';
import { ClosedError } from './wire/channel.ts';
import type { Wire } from './wire/wire.ts';

type Queue = Declarations['queues'][number];
type Exchange = Declarations['exchanges'][number];
type Binding = Declarations['bindings'][number];

/**
 * Makes the queues, exchanges and bindings that are missing.
 * @throws Error that says which one the broker refuses, e.g. because it exists and differs
 */
export async function declareAll(wire: Wire, { queues, exchanges, bindings }: Declarations): Promise<void> {
  const channel = wire.channel({}, 0);
  const declare = async (what: string, method: number, reply: number, args: (writer: Writer) => void) => {
    try {
      await channel.call(method, reply, args);
    } catch (error) {
      if (!(error instanceof ClosedError)) throw error;
      throw new Error(`RabbitMQ refuses the declaration of ${what}: ${error.message}`, { cause: error });
    }
  };
  const { exchangeDeclare, exchangeDeclareOk, queueDeclare, queueDeclareOk } = Method;
  for (const each of exchanges)
    await declare(`exchange "${each.name}"`, exchangeDeclare, exchangeDeclareOk, exchangeArgs(each));
  for (const each of queues)
    await declare(`queue "${each.name}"`, queueDeclare, queueDeclareOk, queueArgs(each));
  for (const each of bindings) {
    const toQueue = each.queue !== undefined;
    const what = `the binding of ${toQueue ? 'queue' : 'exchange'} "${each.queue ?? each.to_exchange}" to exchange "${each.exchange}"`;
    if (toQueue) await declare(what, Method.queueBind, Method.queueBindOk, bindingArgs(each));
    else await declare(what, Method.exchangeBind, Method.exchangeBindOk, bindingArgs(each));
  }
  await channel.close();
}

function exchangeArgs(each: Exchange) {
  return (writer: Writer): void => {
    writer.short(0);
    writer.shortString(each.name);
    writer.shortString(each.type);
    writer.octet((each.durable ? 2 : 0) | (each.auto_delete ? 4 : 0) | (each.internal ? 8 : 0));
    writeTable(writer, tableOf(each.arguments));
  };
}

function queueArgs(each: Queue) {
  return (writer: Writer): void => {
    writer.short(0);
    writer.shortString(each.name);
    writer.octet((each.durable ? 2 : 0) | (each.auto_delete ? 8 : 0));
    // A classic queue is what a broker makes by itself: older ones compare the argument with none.
    const type: Table = each.type === 'classic' ? [] : [['x-queue-type', { tag: 'S', value: each.type }]];
    writeTable(writer, [...type, ...tableOf(each.arguments)]);
  };
}

function bindingArgs(each: Binding) {
  return (writer: Writer): void => {
    writer.short(0);
    writer.shortString(each.queue ?? each.to_exchange!);
    writer.shortString(each.exchange);
    writer.shortString(each.key);
    writer.octet(0);
    writeTable(writer, tableOf(each.arguments));
  };
}

const tableOf = (values: Readonly<Record<string, string | number | boolean>>): Table =>
  Object.entries(values).map(([name, value]) => [name, fieldOf(value)]);

function fieldOf(value: string | number | boolean): Field {
  if (typeof value === 'string') return { tag: 'S', value };
  if (typeof value === 'boolean') return { tag: 't', value };
  return Number.isSafeInteger(value) ? { tag: 'l', value: BigInt(value) } : { tag: 'd', value };
}
