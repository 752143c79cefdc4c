import assert from 'node:assert/strict';
import { once } from 'node:events';
import { afterEach, before, describe, it } from 'node:test';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { renewable, transportSettings } from '../../src/transport/listen-settings.ts';
import { z } from 'zod';
import { makeCertificates, type Certificates } from '../brokers/certificates.ts';
import { atEnd, closeAll, Client, kinds, start, webSocket } from './support.ts';

let [old, fresh]: Certificates[] = [];
before(async () => {
  [old, fresh] = [await makeCertificates(), await makeCertificates()];
});
afterEach(closeAll);

const pairOf = ({ cert, key }: Certificates) => ({ cert, key });

/** A finished handshake with one whose certificate `from` has signed. */
async function handshake(port: number, from: Certificates, more: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ca: from.ca, ...more });
  atEnd(() => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
}

for (const kind of kinds)
  describe(`the ${kind.name} listener whose certificate is renewed`, { timeout: 120_000 }, () => {
    const settingsWith = (from: Certificates) => ({
      tls: pairOf(from),
      websocket: { listen: '127.0.0.1:0', path: '/' },
    });

    async function renewed() {
      const running = await start(kind, settingsWith(old!));
      atEnd(() => running.endpoint.close());
      const renew = () =>
        running.endpoint.renew!(
          kind.protocol.listener!.config.parse({ listen: '127.0.0.1:0', ...settingsWith(fresh!) }),
        );
      return { ...running, renew };
    }

    it('shows the new one to those who come, and keeps those who are there', async () => {
      const { port, url, renew, log } = await renewed();
      const early = new Client(await handshake(port, old!));
      const web = await webSocket(url, [kind.subprotocol], { ca: old!.ca });
      atEnd(() => web.socket.terminate());
      renew();
      await early.greet(kind);
      assert.equal(early.closed, false);
      await new Client(await handshake(port, fresh!)).greet(kind);
      await assert.rejects(handshake(port, old!), /certificate/);
      const later = await webSocket(url, [kind.subprotocol], { ca: fresh!.ca });
      atEnd(() => later.socket.terminate());
      for (const { socket, status } of [web, later]) {
        assert.equal(status, 'open');
        const answer = once(socket, 'message');
        socket.send(kind.hello);
        await answer;
      }
      const told = log.lines.filter(({ message }) => !/TLS handshake failed|left before/.test(message));
      assert.deepEqual(told, []);
    });

    it('resumes no session of before', async () => {
      const { port, renew } = await renewed();
      const first = await handshake(port, old!);
      const ticket = new Promise<Buffer>((resolve) => first.once('session', resolve));
      const session = await ticket;
      const resumed = await handshake(port, old!, { session });
      assert.equal(resumed.isSessionReused(), true);
      renew();
      const again = await handshake(port, fresh!, { session });
      assert.equal(again.isSessionReused(), false);
      await new Client(again).greet(kind);
    });
  });

describe('ports can go on by other settings', () => {
  const schema = z.strictObject({ listen: z.string(), ...transportSettings('/') });
  type Settings = z.input<typeof schema>;
  const ws = (more: object = {}) => ({ listen: '127.0.0.1:1', ...more });
  const can = (one: Partial<Settings>, other: Partial<Settings>): boolean =>
    renewable(schema.parse({ listen: 'a', ...one }), schema.parse({ listen: 'a', ...other }));

  it('where certificates, keys and authorities are others', () => {
    assert.ok(can({ tls: pairOf(old!) }, { tls: pairOf(fresh!) }));
    const asks = { client_certificate: 'require' } as const;
    assert.ok(
      can(
        { tls: { ...pairOf(old!), ca: old!.ca, ...asks } },
        { tls: { ...pairOf(old!), ca: fresh!.ca, ...asks } },
      ),
    );
    assert.ok(
      can(
        { tls: pairOf(old!), websocket: ws() },
        { tls: pairOf(fresh!), websocket: ws({ tls: pairOf(old!) }) },
      ),
    );
  });

  it('but not where others may come in, or come in otherwise', () => {
    const tls = pairOf(old!);
    for (const [one, other] of [
      [{ tls }, {}],
      [{}, { tls }],
      [{ tls }, { tls: { ...tls, min_version: 'TLSv1.3' } }],
      [{ tls }, { tls: { ...tls, ca: old!.ca, client_certificate: 'request' } }],
      [
        { tls, websocket: ws() },
        { tls, websocket: ws({ tls: 'none' }) },
      ],
      [
        { tls, websocket: ws() },
        { tls, websocket: ws({ path: '/other' }) },
      ],
      [{ tls, websocket: ws() }, { tls }],
      [{ tls }, { tls: pairOf(fresh!), listen: 'b' }],
    ] as [Partial<Settings>, Partial<Settings>][])
      assert.equal(can(one, other), false, JSON.stringify([one, other]));
  });
});
