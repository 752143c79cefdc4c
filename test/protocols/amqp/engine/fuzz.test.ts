import assert from 'node:assert/strict';
import { it } from 'node:test';
import { fuzz } from '../../../fuzz/amqp-engine.ts';

it('the engine survives 20,000 damaged connections', () => {
  const result = fuzz(20_000, 1);
  assert.equal(result.inputs, 20_000);
  // Both kinds occur, so the inputs reach further than the first check.
  assert.ok(
    result.refused > 1_000 && result.survived > 1_000 && result.deliveries > 1_000,
    JSON.stringify(result),
  );
  assert.ok(result.memory < 512 * 1024 * 1024, `${result.memory} bytes`);
});
