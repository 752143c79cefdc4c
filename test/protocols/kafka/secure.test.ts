import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { accepted } from '../../../src/core/outcome.ts';
import { makeCertificates, type Certificates } from '../../brokers/certificates.ts';
import { freePort, startKafka, unavailable, type Broker } from '../../brokers/index.ts';
import { message, textOf, until } from '../../helpers.ts';
import * as java from './java-client.ts';
import { createClient, intake, openClient } from './support.ts';

const b64 = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token that Kafka's built-in validator for unsigned ones takes. */
const token = (subject: string): string => {
  const now = Math.floor(Date.now() / 1000);
  return `${b64({ alg: 'none' })}.${b64({ sub: subject, iat: now, exp: now + 3600 })}.`;
};

describe('the Kafka client, TLS and SASL', { skip: await unavailable('kafka'), timeout: 120_000 }, () => {
  let certificates: Certificates;
  let broker: Broker;
  let tokens: Server;
  const asked: string[] = [];
  const ports = { mutual: 0, scram: 0, oauth: 0 };
  before(async () => {
    certificates = await makeCertificates();
    for (const name of ['mutual', 'scram', 'oauth'] as const) ports[name] = await freePort();
    const store = join(certificates.folder, 'kafka.pem');
    await writeFile(store, certificates.key + certificates.cert);
    broker = await startKafka({
      also: [
        { name: 'MUTUAL', port: ports.mutual, protocol: 'SSL' },
        { name: 'SCRAM', port: ports.scram, protocol: 'SASL_SSL' },
        { name: 'OAUTH', port: ports.oauth, protocol: 'SASL_PLAINTEXT' },
      ],
      scram: new Map([['clerk', 'right-word']]),
      properties: [
        'ssl.keystore.type=PEM',
        `ssl.keystore.location=${store}`,
        'ssl.truststore.type=PEM',
        `ssl.truststore.location=${certificates.files.ca}`,
        'listener.name.mutual.ssl.client.auth=required',
        'sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
        'listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512',
        ...['256', '512'].map(
          (bits) =>
            `listener.name.scram.scram-sha-${bits}.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;`,
        ),
        'listener.name.oauth.sasl.enabled.mechanisms=OAUTHBEARER',
        'listener.name.oauth.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
      ],
    });
    tokens = createServer((request, response) => {
      asked.push(request.headers.authorization ?? '');
      const good =
        request.headers.authorization === `Basic ${Buffer.from('bridge:secret-word').toString('base64')}`;
      response.writeHead(good ? 200 : 401, { 'content-type': 'application/json' });
      response.end(JSON.stringify(good ? { access_token: token('bridge'), expires_in: 3600 } : {}));
    });
    tokens.listen(0, '127.0.0.1');
    await once(tokens, 'listening');
  });
  after(async () => {
    tokens.closeAllConnections();
    tokens.close();
    await broker.stop();
    await certificates.remove();
  });

  const identity = () => ({
    ca: certificates.ca,
    cert: certificates.clientCert,
    key: certificates.clientKey,
  });
  const at = (port: number) => ({ brokers: [`127.0.0.1:${port}`], timeout: '5s' });

  async function carries(settings: object, topic: string): Promise<void> {
    const client = await openClient(broker, { ...settings, group: topic });
    const bodies: string[] = [];
    try {
      await client.sink.send(message('x', 'sealed'), topic);
      await client.source.start(
        intake([topic], ({ body }) => {
          bodies.push(textOf(body));
          return Promise.resolve(accepted);
        }),
      );
      await until(() => bodies.includes('sealed'), 'the message came back', 30_000);
    } finally {
      await client.close();
    }
  }

  async function fails(settings: object, why: RegExp, secret = 'wrong-word'): Promise<void> {
    const stranger = createClient(broker, settings);
    try {
      await stranger.open();
      await until(() => stranger.status().state === 'failing');
      assert.match(stranger.status().reason!, why);
      assert.ok(!JSON.stringify(stranger.status()).includes(secret));
    } finally {
      await stranger.close();
    }
  }

  test('TLS with a client certificate', () => carries({ ...at(ports.mutual), tls: identity() }, 'over-tls'));

  test('a broker whose certificate nobody vouches for gets nothing', () =>
    fails({ ...at(ports.mutual), tls: true }, /certificate/));

  for (const mechanism of ['scram-sha-256', 'scram-sha-512'])
    test(`${mechanism} over TLS; a wrong password is told, and not shown`, async () => {
      const tls = { ca: certificates.ca };
      const sasl = { mechanism, username: 'clerk', password: 'right-word' };
      await carries({ ...at(ports.scram), tls, sasl }, `by-${mechanism}`);
      await fails(
        { ...at(ports.scram), tls, sasl: { ...sasl, password: 'wrong-word' } },
        /authentic/i,
        'wrong-word',
      );
    });

  test('OAUTHBEARER by client credentials; the token is used again while it is fresh', async () => {
    const { port } = tokens.address() as AddressInfo;
    const sasl = {
      mechanism: 'oauthbearer',
      token_url: `http://127.0.0.1:${port}/token`,
      client_id: 'bridge',
      client_secret: 'secret-word',
    };
    await carries({ ...at(ports.oauth), sasl }, 'by-token');
    assert.ok(asked.length <= 2, `one token for writing and one for reading at most, not ${asked.length}`);
    await fails(
      { ...at(ports.oauth), sasl: { ...sasl, client_secret: 'wrong-word' } },
      /answered 401/,
      'wrong-word',
    );
    await fails(
      { ...at(ports.oauth), sasl: { ...sasl, token_url: 'http://127.0.0.1:9999/token' } },
      /no token from .*ECONNREFUSED/,
    );
  });
});

describe('the Kafka client, compression', { skip: await unavailable('kafka'), timeout: 120_000 }, () => {
  let broker: Broker;
  before(async () => {
    broker = await startKafka();
  });
  after(() => broker.stop());

  for (const compression of ['gzip', 'snappy', 'lz4', 'zstd'])
    test(`${compression}, written by us and read by the Java client, and the other way round`, async () => {
      const client = await openClient(broker, { compression, group: compression });
      const bodies: string[] = [];
      const sent = Array.from({ length: 200 }, (_, i) => `${i} ${'the same again and again'.repeat(20)}`);
      try {
        await Promise.all(
          sent.map((body) => client.sink.send(message('x', body, { key: 'one' }), `to-${compression}`)),
        );
        assert.deepEqual(await java.consume(broker, `to-${compression}`, sent.length), sent);
        await java.produce(broker, `from-${compression}`, compression, sent);
        await client.source.start(
          intake([`from-${compression}`], ({ body }) => {
            bodies.push(textOf(body));
            return Promise.resolve(accepted);
          }),
        );
        await until(() => bodies.length >= sent.length, 'all came', 30_000);
        assert.deepEqual(bodies.sort(), [...sent].sort());
      } finally {
        await client.close();
      }
    });
});
