import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { makeCertificates } from '../brokers/certificates.ts';
import { until } from '../helpers.ts';
import { certificates, kinds, serverTls, start, tcp, tls, webSocket, type Client } from './support.ts';

const soon = { connect_timeout: '300ms' };

/** Each of these ends with one log line and no harm to a client that was there before. */
for (const kind of kinds) {
  describe(`the ${kind.name} listener closes, alone,`, { timeout: 120_000 }, () => {
    const opened: { close(): Promise<void> }[] = [];
    after(() => Promise.all(opened.map((endpoint) => endpoint.close())));

    /** Runs a hazard beside a good client, which is then still there. */
    async function beside(
      settings: object,
      good: (port: number) => Promise<Client>,
      hazard: (running: Awaited<ReturnType<typeof start>>) => Promise<void>,
      line: RegExp,
    ): Promise<void> {
      const running = await start(kind, settings);
      opened.push(running.endpoint);
      const client = await good(running.port);
      await client.greet(kind);
      await hazard(running);
      await until(() => running.log.lines.length > 0, 'a log line');
      assert.equal(client.closed, false);
      const next = await good(running.port);
      await next.greet(kind);
      assert.equal(running.log.lines.length, 1, JSON.stringify(running.log.lines));
      assert.match(running.log.lines[0]!.message, line);
      for (const each of [client, next]) each.stream.destroy();
    }

    it('one that connects to the TLS port and says nothing', async () => {
      await beside(
        { tls: await serverTls(), connect_timeout: '1s' },
        (port) => tls(port),
        async ({ port }) => {
          const silent = await tcp(port);
          await until(() => silent.closed);
        },
        /not done in time/,
      );
    });

    it('one that sends plain bytes to the TLS port', async () => {
      await beside(
        { tls: await serverTls() },
        (port) => tls(port),
        async ({ port }) => {
          const plain = await tcp(port);
          plain.stream.write(kind.hello);
          await until(() => plain.closed);
        },
        /does not speak TLS|TLS handshake failed/,
      );
    });

    it('one that speaks TLS to the plain port', async () => {
      await beside(
        { connect_timeout: '1s' },
        (port) => tcp(port),
        async ({ port }) => {
          const secure = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
          let closed = false;
          secure.on('error', () => {});
          secure.on('close', () => (closed = true));
          await until(() => closed);
        },
        /./,
      );
    });

    it('one without a certificate, where one is required', async () => {
      const { ca, clientCert, clientKey } = await certificates();
      await beside(
        { tls: await serverTls({ ca, client_certificate: 'require' }) },
        (port) => tls(port, { cert: clientCert, key: clientKey }),
        async ({ port }) => {
          const stranger = await tls(port);
          await until(() => stranger.closed);
          assert.match(stranger.error, /certificate required/);
        },
        /did not return a certificate/,
      );
    });

    for (const client_certificate of ['request', 'require'])
      it(`one whose certificate is of another authority, with ${client_certificate}`, async () => {
        const { ca, clientCert, clientKey } = await certificates();
        const other = await makeCertificates();
        await beside(
          { tls: await serverTls({ ca, client_certificate }) },
          (port) =>
            client_certificate === 'request' ? tls(port) : tls(port, { cert: clientCert, key: clientKey }),
          async ({ port }) => {
            const stranger = await tls(port, { cert: other.clientCert, key: other.clientKey });
            await until(() => stranger.closed);
            assert.equal(stranger.got.length, 0);
          },
          /certificate is not trusted: /,
        );
        await other.remove();
      });

    it('one whose TLS is too old', async () => {
      await beside(
        { tls: await serverTls({ min_version: 'TLSv1.3' }) },
        (port) => tls(port),
        async ({ port }) => {
          const old = await tls(port, { maxVersion: 'TLSv1.2' });
          await until(() => old.closed);
        },
        /TLS handshake failed: .*version|unsupported protocol/,
      );
    });

    const ws = { websocket: { listen: '127.0.0.1:0', path: '/here' } };

    it('a WebSocket with another sub-protocol', async () => {
      await beside(
        ws,
        tcp,
        async ({ url }) => assert.equal((await webSocket(url, ['chat'])).status, 400),
        /does not offer the sub-protocol/,
      );
    });

    it('a WebSocket for another path', async () => {
      await beside(
        ws,
        tcp,
        async ({ url }) =>
          assert.equal((await webSocket(url.replace('/here', '/there'), [kind.subprotocol])).status, 404),
        /is not for the path \/here/,
      );
    });

    it('a plain HTTP request to the WebSocket port', async () => {
      await beside(
        ws,
        tcp,
        async ({ url }) => {
          const answer = await fetch(url.replace('ws:', 'http:'));
          assert.equal(answer.status, 426);
        },
        /does not ask for a WebSocket/,
      );
    });

    it('one that speaks no HTTP to the WebSocket port', async () => {
      await beside(
        ws,
        tcp,
        async ({ url }) => {
          const plain = await tcp(Number(new URL(url).port));
          plain.stream.write(Buffer.concat([Buffer.of(1), kind.hello]));
          await until(() => plain.closed);
        },
        /does not speak HTTP/,
      );
    });

    it('one that does not finish its HTTP request', async () => {
      await beside(
        { ...ws, ...soon },
        tcp,
        async ({ url }) => {
          const slow = await tcp(Number(new URL(url).port));
          slow.stream.write('GET /here HTTP/1.1\r\nhost: x\r\n');
          await until(() => slow.closed);
        },
        /not done in time/,
      );
    });

    it('a WebSocket message that is far too large', async () => {
      await beside(
        { ...ws, max_message: '1KiB' },
        tcp,
        async ({ url }) => {
          const { socket } = await webSocket(url, [kind.subprotocol]);
          const code = new Promise((resolve) => socket.once('close', resolve));
          socket.send(Buffer.alloc(8 * 1024 * 1024));
          assert.equal(await code, 1009);
        },
        /Max payload size exceeded/,
      );
    });

    if (kind.name !== 'STOMP')
      it('a WebSocket with text frames', async () => {
        await beside(
          ws,
          tcp,
          async ({ url }) => {
            const { socket } = await webSocket(url, [kind.subprotocol]);
            const code = new Promise((resolve) => socket.once('close', resolve));
            socket.send(kind.hello.toString('latin1'));
            assert.equal(await code, 1003);
          },
          /text frame/,
        );
      });

    it('connections over the limit, those in their handshakes counted', async () => {
      const { endpoint, port, log } = await start(kind, { tls: await serverTls(), max_connections: 2 });
      opened.push(endpoint);
      const silent = [await tcp(port), await tcp(port)];
      const more = kind.name === 'STOMP' ? 101 : 1; // as many more may read why they are refused
      const others = await Promise.all(Array.from({ length: more }, () => tcp(port)));
      await until(() => others.some((other) => other.closed));
      assert.match(log.lines[0]!.message, /there are \d+ connections already/);
      assert.equal(
        silent.some(({ closed }) => closed),
        false,
      );
      for (const client of [...silent, ...others]) client.stream.destroy();
      await until(async () => {
        const next = await tls(port);
        try {
          await next.greet(kind);
          return true;
        } catch {
          return false;
        } finally {
          next.stream.destroy();
        }
      }, 'room again');
    });
  });
}
