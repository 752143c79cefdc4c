import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startGateway } from '../e2e/gateway.ts';
import { missing, run } from './tools.ts';

// Debian's interpreter, which has Debian's packages
const python = '/usr/bin/python3';
const script = fileURLToPath(new URL('quickstart/quickstart.py', import.meta.url));
const skip = missing(
  'paho-mqtt, Qpid Proton or stomp.py for Python',
  python,
  '-c',
  'import paho.mqtt, proton, stomp',
);

describe('the quickstart with Python clients', { skip }, () => {
  it('carries all three routes: paho-mqtt 5 and 3.1.1, Qpid Proton, stomp.py 1.0 to 1.2', async () => {
    const gateway = await startGateway();
    try {
      const ports = ['mqtt', 'amqp', 'stomp'].map((endpoint) => String(gateway.port(endpoint)));
      const output = await run(python, [script, ...ports]);
      assert.match(output, /^all held$/m);
    } finally {
      assert.equal(await gateway.stop(), 0);
    }
  });
});
