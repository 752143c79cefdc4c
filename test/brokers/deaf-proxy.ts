import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** Forwards to a port; while it is `deaf` what comes back is thrown away, and the peer does not learn what was taken. */
export async function deafProxyTo(t: TestContext, port: number, listen = 0) {
  const sockets = new Set<Socket>();
  const state = { deaf: false };
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const each of [near, far]) {
      sockets.add(each);
      each.on('error', () => undefined);
      each.on('close', () => {
        near.destroy();
        far.destroy();
        sockets.delete(each);
      });
    }
    near.on('data', (data) => void far.write(data));
    far.on('data', (data) => void (state.deaf || near.write(data)));
  });
  server.listen(listen, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  t.after(() => {
    server.close();
    cut();
  });
  return { port: (server.address() as AddressInfo).port, state, cut };
}
