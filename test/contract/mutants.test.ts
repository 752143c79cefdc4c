import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accepted } from '../../src/core/outcome.ts';
import type { Intake } from '../../src/core/protocol.ts';
import amqp from '../../src/protocols/amqp/index.ts';
import mqtt from '../../src/protocols/mqtt/index.ts';
import stomp from '../../src/protocols/stomp/index.ts';
import { cases } from './cases.ts';
import { amqpHarness } from './harness/amqp.ts';
import { mqttHarness } from './harness/mqtt.ts';
import { stompHarness } from './harness/stomp.ts';
import { runCase } from './suite.ts';

/** Defects in the rule of settlement, put between an endpoint and its routes, and the cases that must find them. */
const mutants: readonly { name: string; mutate: (intake: Intake) => Intake; caughtBy: readonly string[] }[] =
  [
    {
      name: 'acknowledges before the outcome',
      mutate: (intake) => ({
        ...around(intake),
        deliver(envelope) {
          void intake.deliver(envelope);
          return Promise.resolve(accepted);
        },
      }),
      caughtBy: [
        'tells the sender nothing before the outcome is known',
        'never tells a sender that a refused message was accepted',
        'stops at the window of a sender, and goes on when there is room',
        'settles what it has taken before it stops, and takes no more',
      ],
    },
    {
      name: 'takes every outcome for accepted',
      mutate: (intake) => ({
        ...around(intake),
        deliver: (envelope) => intake.deliver(envelope).then(() => accepted),
      }),
      caughtBy: ['never tells a sender that a refused message was accepted'],
    },
  ];

const around = (intake: Intake): Intake => ({
  patterns: intake.patterns,
  readerOf: (address) => intake.readerOf(address),
  deliver: (envelope) => intake.deliver(envelope),
});

describe('the contract suite turns red', () => {
  for (const [harness, protocol] of [
    [mqttHarness(5), mqtt],
    [mqttHarness(4), mqtt],
    [amqpHarness, amqp],
    [stompHarness('1.2'), stomp],
  ] as const)
    for (const mutant of mutants)
      for (const name of mutant.caughtBy)
        it(`where ${harness.name} ${mutant.name}: "${name}"`, async () => {
          const found = cases.find((each) => each.name === name);
          assert.ok(found, 'no such case');
          await assert.rejects(runCase(harness, protocol.address, found, mutant.mutate), {
            name: 'AssertionError',
          });
        });
});
