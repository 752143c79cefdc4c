import assert from 'node:assert/strict';
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { describe, it } from 'node:test';
import { scramCredential, ScramExchange } from '../../../../src/protocols/amqp/engine/scram.ts';
import * as raw from '../raw.ts';
import { TestOwner } from './peer.ts';

// The example of RFC 7677 §3.
const first = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO';
const serverNonce = '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
const nonce = `rOprNGfwEbeRWgbNEkqO${serverNonce}`;
const credential = scramCredential('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), 4096);
const proof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';

describe('SCRAM-SHA-256', () => {
  it('goes as in the example of RFC 7677', () => {
    const scram = new ScramExchange(first);
    assert.equal(scram.username, 'user');
    assert.equal(scram.challenge(credential, serverNonce), `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`);
    assert.equal(
      scram.verify(`c=biws,r=${nonce},p=${proof}`),
      'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    );
  });

  for (const [what, final] of [
    ['a wrong proof', `c=biws,r=${nonce},p=${proof.replace('d', 'e')}`],
    ['another nonce', `c=biws,r=${nonce}x,p=${proof}`],
    ['another channel binding', `c=eSws,r=${nonce},p=${proof}`],
    ['a short proof', `c=biws,r=${nonce},p=AAAA`],
    ['no proof', `c=biws,r=${nonce}`],
  ] as const)
    it(`refuses ${what}`, () => {
      const scram = new ScramExchange(first);
      scram.challenge(credential, serverNonce);
      assert.equal(scram.verify(final), undefined);
    });

  it('gives an unknown user a challenge like any other, the same each time, and never lets it in', () => {
    const [one, two] = [new ScramExchange(first), new ScramExchange(first)];
    assert.equal(one.challenge(undefined, 'x'), two.challenge(undefined, 'x'));
    assert.match(two.challenge(undefined, 'x'), /^r=[^,]+,s=[A-Za-z0-9+/]{22}==,i=4096$/);
    assert.equal(two.verify(`c=biws,r=rOprNGfwEbeRWgbNEkqOx,p=${proof}`), undefined);
  });

  it('reads names with commas and equals signs', () => {
    assert.equal(new ScramExchange('n,,n=a=2Cb=3D2C,r=x').username, 'a,b=2C');
  });

  for (const malformed of ['', 'n,,n=user', 'p=tls-unique,,n=user,r=x', 'n,a=admin,n=user,r=x'])
    it(`refuses to begin with "${malformed}"`, () => {
      assert.throws(() => new ScramExchange(malformed));
    });

  it('lets a client in over the wire', () => {
    const owner = new TestOwner(
      { scramCredential: (name) => (name === 'user' ? credential : undefined) },
      { mechanisms: ['SCRAM-SHA-256'] },
    );
    const said = (): raw.Read[] => {
      const chunks: Buffer[] = [];
      owner.connection.flush((chunk) => chunks.push(chunk));
      return raw.readFrames(chunks);
    };
    const init = { mechanism: 'SCRAM-SHA-256', initial_response: Buffer.from(first) };
    owner.connection.receive(Buffer.concat([raw.saslHeader, raw.saslFrame('sasl_init', init)]));
    const challenge = (said().at(-1)!.fields.challenge as Buffer).toString();
    const [, whole, salt, rounds] = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(challenge)!;
    // The client's half, from RFC 5802 §3.
    const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
    const salted = pbkdf2Sync('pencil', Buffer.from(salt!, 'base64'), Number(rounds), 32, 'sha256');
    const clientKey = hmac(salted, 'Client Key');
    const bare = `c=biws,r=${whole}`;
    const signature = hmac(
      createHash('sha256').update(clientKey).digest(),
      `${first.slice(3)},${challenge},${bare}`,
    );
    const signed = clientKey.map((byte, i) => byte ^ signature[i]!);
    const final = `${bare},p=${Buffer.from(signed).toString('base64')}`;
    owner.connection.receive(raw.saslFrame('sasl_response', { response: Buffer.from(final) }));
    owner.connection.receive(Buffer.concat([raw.amqpHeader, raw.open()]));
    assert.deepEqual(
      said().map((f) => f.name),
      ['sasl_outcome', 'header 0', 'open'],
    );
    assert.equal(owner.connection.user, 'user');
    assert.equal(owner.connection.state, 'open');
  });
});
