import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { makeCertificates } from './certificates.ts';

void test('the certificates serve on localhost and name the client', async () => {
  const made = await makeCertificates();
  const { ca, cert, key, clientCert, clientKey } = made;
  const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    for (const host of ['localhost', '127.0.0.1']) {
      const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
      const client = connect({ port, host, ca, cert: clientCert, key: clientKey });
      const [socket] = await accepted;
      assert.equal(socket.getPeerCertificate().subject.CN, 'client');
      assert.equal(client.authorized, true);
      client.destroy();
    }
  } finally {
    server.close();
    await made.remove();
  }
  assert.equal(existsSync(made.folder), false);
});

void test('each set has an authority of its own', async () => {
  const [one, other] = [await makeCertificates(), await makeCertificates()];
  const server = createServer({ cert: one.cert, key: one.key });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const [error] = (await once(connect({ port, host: 'localhost', ca: other.ca }), 'error')) as [Error];
    assert.match(error.message, /certificate|signature/);
  } finally {
    server.close();
    await one.remove();
    await other.remove();
  }
});
