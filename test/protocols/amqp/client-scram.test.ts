import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ScramClient } from '../../../src/client/scram-client.ts';

// The example of RFC 7677 §3.
const first = 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO';
const challenge = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
const final =
  'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
const proof = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';
const example = (): ScramClient => new ScramClient('user', 'pencil', { nonce: 'rOprNGfwEbeRWgbNEkqO' });

describe('the client’s half of SCRAM-SHA-256', () => {
  it('says what the example of RFC 7677 says, and believes its server', async () => {
    const scram = example();
    assert.equal(scram.first, first);
    assert.equal(await scram.final(challenge), final);
    assert.ok(scram.proves(proof));
    assert.ok(!scram.proves(proof.replace('6', '7')));
    assert.ok(!scram.proves('e=other-error'));
  });

  it('believes nobody before the challenge', () => assert.ok(!example().proves(proof)));

  it('refuses a challenge that does not answer it', async () => {
    const wrong = [
      '',
      'm=ext,r=rOprNGfwEbeRWgbNEkqOx,s=W22Z,i=4096',
      'r=somebody-else,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      'r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
      challenge.replace('4096', '0'),
      challenge.replace('4096', '9999999'),
    ];
    for (const each of wrong) await assert.rejects(example().final(each), each);
  });

  it('escapes what has a meaning in its messages', () =>
    assert.equal(new ScramClient('a=b,c', 'p', { nonce: 'x' }).first, 'n,,n=a=3Db=2Cc,r=x'));
});
