import { after, describe, it } from 'node:test';
import type { AddressSyntax } from '../../src/core/address.ts';
import { accepted } from '../../src/core/outcome.ts';
import type { Intake } from '../../src/core/protocol.ts';
import { cases, type Case, type Stage } from './cases.ts';
import type { Harness } from './contract.ts';
import { HeldIntake } from './intake.ts';

/** Cases of which every harness runs all that belong to its role. */
export const casesOf = (harness: Harness): Case[] =>
  cases.filter((each) => each.role === 'both' || each.role === harness.role);

let serial = 0;

/**
 * Runs one case on a fresh endpoint.
 * @param mutate puts a defect between the endpoint and the intake
 */
export async function runCase(
  harness: Harness,
  syntax: AddressSyntax,
  each: Case,
  mutate: (intake: Intake) => Intake = (intake) => intake,
): Promise<void> {
  const window = each.window ?? 256;
  const word = `case${process.pid}n${serial++}`;
  const [read, written] = [harness.address(`${word}in`), harness.address(`${word}out`)];
  const bench = await harness.create({ window });
  const intake = new HeldIntake(syntax, read);
  try {
    await bench.endpoint.open();
    await bench.endpoint.source.start(mutate(intake));
    const peer = await bench.connect();
    const stage: Stage = { bench, intake, peer, read, written, harness, syntax, window };
    await each.run(stage);
  } finally {
    intake.answer = () => accepted;
    intake.settleAll();
    await bench.tearDown();
    await bench.endpoint.close();
  }
}

/** The contract that every endpoint keeps, as tests. */
export function endpointContract(harness: Harness, syntax: AddressSyntax, end?: () => Promise<void>): void {
  describe(`${harness.name} keeps the contract of endpoints`, { skip: harness.skip }, () => {
    if (end) after(end);
    for (const each of casesOf(harness))
      it(each.name, { timeout: 90_000 }, () => runCase(harness, syntax, each));
  });
}
