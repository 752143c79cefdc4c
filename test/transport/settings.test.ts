import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { before, describe, it } from 'node:test';
import { serverTls } from '../../src/transport/server-tls.ts';
import { makeCertificates, type Certificates } from '../brokers/certificates.ts';

/** Each mistake as `key: message`. */
const mistakes = (settings: object): string[] =>
  (serverTls.safeParse(settings).error?.issues ?? []).map(
    ({ path, message }) => `${path.join('.')}: ${message}`,
  );

describe('TLS settings of a listener', { timeout: 60_000 }, () => {
  let [ours, others]: Certificates[] = [];
  before(async () => {
    [ours, others] = [await makeCertificates(), await makeCertificates()];
  });

  it('take a certificate, its key and the authorities of clients', () => {
    const { cert, key, ca } = ours!;
    assert.deepEqual(mistakes({ cert, key }), []);
    assert.deepEqual(
      mistakes({
        cert: `${cert}${others!.ca}`,
        key,
        ca: `${ca}${others!.ca}`,
        client_certificate: 'require',
      }),
      [],
    );
  });

  it('name the key that does not fit its certificate', () => {
    const found = mistakes({ cert: ours!.cert, key: others!.key });
    assert.deepEqual(found, ['key: is not the private key of the certificate in "cert"']);
  });

  it('name what is no PEM, without repeating it', () => {
    const { cert, key } = ours!;
    assert.deepEqual(mistakes({ cert: 'secret', key: 'secret' }), [
      'cert: is not a certificate in PEM, e.g. ${file:certs/server.pem}',
      'key: is not a private key in PEM, e.g. ${file:certs/server.key}',
    ]);
    assert.deepEqual(mistakes({ cert, key, ca: `${cert}secret`, client_certificate: 'require' }), []);
    assert.deepEqual(mistakes({ cert, key, ca: 'secret', client_certificate: 'require' }), [
      'ca: is not a list of certificates in PEM, e.g. ${file:certs/ca.pem}',
    ]);
  });

  it('say that an encrypted key must be decrypted', () => {
    const encrypted = execFileSync('openssl', ['pkey', '-aes128', '-passout', 'pass:x'], {
      input: ours!.key,
    });
    assert.match(mistakes({ cert: ours!.cert, key: encrypted.toString() })[0]!, /^key: is encrypted/);
  });

  it('do not let a client certificate seem checked that is not', () => {
    const { cert, key, ca } = ours!;
    assert.match(mistakes({ cert, key, ca })[0]!, /^ca: has no effect unless "client_certificate"/);
    assert.match(
      mistakes({ cert, key, client_certificate: 'require' })[0]!,
      /^client_certificate: needs "ca"/,
    );
  });
});
