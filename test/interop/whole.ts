import { AssertionError } from 'node:assert';
import fc from 'fast-check';
import type { Envelope, Header } from '../../src/core/envelope.ts';
import { reservedPrefix } from '../../src/core/reserved-headers.ts';
import { readMessage } from '../../src/protocols/amqp/codec/message-view.ts';
import { fromEnvelope, toEnvelope } from '../../src/protocols/amqp/mapping.ts';
import { amqpTraits } from '../../src/protocols/amqp/traits.ts';
import { RawReceiver, RawSender } from '../e2e/raw-amqp.ts';
import { assertSame, kept, refused } from '../fidelity/kept.ts';
import { messagesOf } from '../fidelity/messages.ts';
import { until } from '../until.ts';
import type { System } from './system.ts';

/** Whole messages of AMQP 1.0 that go to a broker and come back. */
export interface WholeCell {
  readonly system: System;
  readonly messages: number;
  /** What is wrong beyond what its traits tell, in words. */
  readonly wrong: readonly string[];
}

/** The listener they start from and come back to, beside those of the matrix. */
export const home = 'home';
export const wholeWord = (system: System): string => `whole-${system.name}`;
const end = (system: System, which: 'in' | 'out'): string => `whole.${system.name}.${which}`;

const hour = 3_600_000;
const number = 'whole-number';

/** Any message that AMQP 1.0 can hold, told apart by a header; none of them expires while it crosses. */
function messages(now: number): Envelope[] {
  const any = fc.sample(messagesOf(amqpTraits, 'in', now), { numRuns: 100, seed: 7 });
  const large = { ...any[0]!, body: Buffer.alloc(900_000, '\0ÿ'), bodyType: 'data' as const };
  return [...any, large].map((message, i) => ({
    ...message,
    deliveryCount: 0,
    hops: 0,
    expiresAt: message.expiresAt === undefined ? undefined : message.expiresAt + hour,
    headers: [...message.headers.filter(([name]) => name !== number), [number, i, 'int'] satisfies Header],
  }));
}

const numberOf = ({ headers }: Envelope): unknown => headers.find(([name]) => name === number)?.[1];

export const wholeRoutes = (system: System) => [
  {
    name: `${wholeWord(system)}-there`,
    from: { endpoint: home, address: end(system, 'in') },
    to: [{ endpoint: system.name, address: system.address(wholeWord(system)) }],
  },
  {
    name: `${wholeWord(system)}-back`,
    from: { endpoint: system.name, address: system.address(wholeWord(system)) },
    to: [{ endpoint: home, address: end(system, 'out') }],
  },
];

/** @param port of the home listener */
export async function wholeCell(system: System, port: number): Promise<WholeCell> {
  const now = Date.now();
  const sent = messages(now);
  const [sender, receiver] = [
    await RawSender.open(port, end(system, 'in')),
    await RawReceiver.open(port, end(system, 'out')),
  ];
  const wrong: string[] = [];
  const taken: Envelope[] = [];
  try {
    for (const message of sent) {
      const why = refused(message, system.traits);
      const bytes = fromEnvelope({ ...message, address: end(system, 'in') }, 0, end(system, 'in'), now);
      const answer = await sender.send(bytes);
      if (answer === 'accepted' && why === undefined) taken.push(message);
      else if (answer !== 'rejected' || why === undefined)
        wrong.push(
          `number ${String(numberOf(message))}: ${answer}${why === undefined ? '' : `, though ${why}`}`,
        );
    }
    await until(() => receiver.messages.length >= taken.length, 'all are back', 60_000).catch(
      () => undefined,
    );
    const back = new Map<unknown, Envelope>();
    for (const bytes of receiver.messages) {
      const message = toEnvelope(readMessage(bytes), end(system, 'out'), now);
      back.set(numberOf(message), { ...message, origin: undefined });
    }
    for (const message of taken) {
      const what = `number ${String(numberOf(message))}`;
      const got = back.get(numberOf(message));
      if (got) wrong.push(...difference(message, got, system, now, what));
      else wrong.push(`${what}: lost`);
    }
    if (receiver.messages.length > taken.length) wrong.push('more came back than were sent');
  } finally {
    sender.close();
    receiver.close();
  }
  return { system, messages: taken.length, wrong };
}

function difference(sent: Envelope, got: Envelope, { traits }: System, now: number, what: string): string[] {
  const wanted = kept(sent, traits, now);
  // Brokers that count down a time to live may round it, or begin to count when they have the message.
  const near =
    wanted.expiresAt !== undefined &&
    got.expiresAt !== undefined &&
    Math.abs(wanted.expiresAt - got.expiresAt) < 120_000;
  try {
    assertSame(
      {
        ...got,
        address: wanted.address,
        hops: wanted.hops,
        deliveryCount: wanted.deliveryCount,
        expiresAt: near ? wanted.expiresAt : got.expiresAt,
        headers: got.headers.filter(([name]) => !name.startsWith(reservedPrefix)),
      },
      wanted,
      { supplied: traits.supplies ?? [], unordered: traits.headerOrder === 'lost', what },
    );
    return [];
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    const { actual, expected } = error as unknown as { actual: Envelope; expected: Envelope };
    return (Object.keys(expected) as (keyof Envelope)[])
      .filter((field) => show(actual[field]) !== show(expected[field]))
      .map((field) => `${what}: ${field} ${show(actual[field])} and not ${show(expected[field])}`);
  }
}

const show = (value: unknown): string =>
  (
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === 'bigint'
        ? `${each}n`
        : each instanceof Uint8Array
          ? Buffer.from(each).toString('hex')
          : each,
    ) ?? 'none'
  ).slice(0, 120);
