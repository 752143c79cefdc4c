import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import amqp from '../../src/protocols/amqp/index.ts';
import { certificates, serverTls, start, type Running } from '../transport/support.ts';
import type { Certificates } from '../brokers/certificates.ts';
import { jmsClassPath } from './jms-library.ts';
import { missing, run } from './tools.ts';

const here = import.meta.dirname;
const users = { ada: 'Lovelace' };
const python = '/usr/bin/python3';

describe('AMQP by TLS with foreign clients', { timeout: 400_000 }, () => {
  let files: Certificates['files'];
  /** Takes users and, by EXTERNAL, verified certificates. */
  let listener: Running;
  before(async () => {
    const made = await certificates();
    files = made.files;
    const tls = await serverTls({ ca: made.ca, client_certificate: 'request' });
    listener = await start({ protocol: amqp }, { tls, users, topics: ['jms.events.#'] });
  });
  after(() => listener.endpoint.close());
  const url = (): string => `amqps://localhost:${listener.port}`;

  const noJava = missing('Java', 'java', '-version') || missing('Maven', 'mvn', '-version');

  /** Qpid JMS with these options of its URL. */
  async function jms(options: Record<string, string>, user = '', password = ''): Promise<string> {
    const address = `${url()}?${new URLSearchParams(options).toString()}`;
    const secure = join(here, 'jms/Secure.java');
    return run('java', ['-cp', await jmsClassPath(), secure, address, user, password]);
  }

  /** A PKCS #12 file for Java. */
  function store(name: string, args: readonly string[]): string {
    const file = join(files.ca, '..', name);
    execFileSync('openssl', ['pkcs12', '-export', '-passout', 'pass:secret', '-out', file, ...args]);
    return file;
  }

  /** Java trusts only what keytool has marked as trusted. */
  function trust(): Record<string, string> {
    const file = join(files.ca, '..', `trust-${Math.random()}.p12`);
    const options = ['-storetype', 'PKCS12', '-storepass', 'secret', '-noprompt', '-alias', 'ca'];
    const args = ['-importcert', '-file', files.ca, '-keystore', file, ...options];
    execFileSync('keytool', args, { stdio: 'pipe' });
    return { 'transport.trustStoreLocation': file, 'transport.trustStorePassword': 'secret' };
  }

  for (const mechanism of ['SCRAM-SHA-256', 'PLAIN'])
    it(`Qpid JMS enters by ${mechanism}, and not with a wrong password`, { skip: noJava }, async () => {
      const options = { ...trust(), 'amqp.saslMechanisms': mechanism };
      assert.equal(await jms(options, 'ada', 'Lovelace'), 'ok\n');
      await assert.rejects(jms(options, 'ada', 'wrong'), /JMSSecuritySaslException/);
      await assert.rejects(jms(options, 'nobody', 'Lovelace'), /JMSSecuritySaslException/);
    });

  it('Qpid JMS enters by the certificate in its key store', { skip: noJava }, async () => {
    const file = store('client.p12', ['-in', files.clientCert, '-inkey', files.clientKey]);
    const options = {
      ...trust(),
      'transport.keyStoreLocation': file,
      'transport.keyStorePassword': 'secret',
      'amqp.saslMechanisms': 'EXTERNAL',
    };
    assert.equal(await jms(options), 'ok\n');
  });

  const noProton = missing('python3-qpid-proton', python, '-c', 'import proton');
  const proton = (...args: string[]): Promise<string> =>
    run(python, [join(here, 'proton/secure.py'), url(), ...args]);

  // Debian builds Proton without Cyrus SASL, so without SCRAM.
  it('Proton enters by PLAIN and EXTERNAL', { skip: noProton }, async () => {
    assert.equal(await proton('PLAIN', files.ca, 'ada', 'Lovelace'), 'ok\n');
    await assert.rejects(proton('PLAIN', files.ca, 'ada', 'wrong'), /amqp:unauthorized-access/);
    assert.equal(await proton('EXTERNAL', files.ca, files.clientCert, files.clientKey), 'ok\n');
  });

  it('go-amqp enters by PLAIN and EXTERNAL', { skip: missing('Go', 'go', 'version') }, async () => {
    const client = (...args: string[]): Promise<string> =>
      run('go', ['run', './tls', url(), files.ca, ...args], join(here, 'go-amqp'));
    assert.equal(await client(), 'ok\n');
    assert.equal(await client(files.clientCert, files.clientKey), 'ok\n');
  });
});
