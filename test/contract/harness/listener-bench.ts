import type { Protocol } from '../../../src/core/protocol.ts';
import { keptLog } from '../../helpers.ts';
import type { ListenerBench, Peer } from '../contract.ts';

/** An endpoint of a listener, made as the gateway makes it, and the peers that connect to it. */
export async function listenerBench(
  protocol: Protocol,
  settings: object,
  connect: (port: number) => Promise<Peer>,
): Promise<ListenerBench> {
  const role = protocol.listener!;
  const endpoint = role.create(role.config.parse(settings), { name: 'under-test', log: keptLog() });
  let port = 0; // as it was while it listened: a client that is given 0 goes to its protocol's own port
  const peers = keptPeers(() => {
    const at = endpoint.status().at;
    port ||= Number(at.slice(at.lastIndexOf(':') + 1));
    return connect(port);
  });
  return { endpoint, ...peers };
}

/** Peers of one bench, ended with it. */
export function keptPeers(connect: () => Promise<Peer>): Pick<ListenerBench, 'connect' | 'tearDown'> {
  const peers: Peer[] = [];
  return {
    async connect() {
      const peer = await connect();
      peers.push(peer);
      return peer;
    },
    async tearDown() {
      for (const peer of peers) await peer.close();
    },
  };
}

/** Makes the end of something idempotent. */
export function cleanup(end: () => Promise<void>): () => Promise<void> {
  let ended: Promise<void> | undefined;
  return () => (ended ??= end());
}
