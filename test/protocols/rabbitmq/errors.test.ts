import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { limitTold } from '../../../src/protocols/rabbitmq/errors.ts';
import { ClosedError } from '../../../src/protocols/rabbitmq/wire/channel.ts';

describe('the limit that RabbitMQ tells when it refuses a message', () => {
  const told = (text: string, bodies: number[], code = 406) =>
    limitTold(new ClosedError(`PRECONDITION_FAILED - ${text}`, code), bodies);

  it('is known where a limit was configured, and where it is the greatest there is', () => {
    assert.equal(told('message size 21 is larger than configured max size 20', [3, 21]), 20);
    assert.equal(told('message size 536870913 is larger than max size 536870912', [536870913]), 536870912);
  });

  it('is not known where the size is not that of a body, or the refusal is of another kind', () => {
    assert.equal(told('message size 25 is larger than configured max size 20', [3, 21]), undefined);
    assert.equal(told('message size 19 is larger than configured max size 20', [19]), undefined);
    assert.equal(told('fast reply consumer does not exist', [21]), undefined);
    assert.equal(told('message size 21 is larger than configured max size 20', [21], 403), undefined);
  });
});
