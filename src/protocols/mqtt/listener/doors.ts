import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HostPort } from '../../../core/units.ts';

/** A port that clients come in by. */
export interface Door {
  /** host:port as it is. */
  readonly at: string;
  /** Lets nobody in any more. */
  shut(): void;
  /** Resolves once the port is free; connections must be closed by who has them. */
  close(): Promise<void>;
}

/** Called with each new connection and its peer's address. */
export type Admit = (socket: Duplex, peer: string) => void;

export async function listenTcp(listen: HostPort, admit: Admit): Promise<Door> {
  // Half-open, so that a client that ends right after its last packet still gets the answers.
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) =>
    admit(socket, peerOf(socket)),
  );
  await listening(server, listen);
  return door(server, '');
}

/**
 * MQTT over WebSocket, MQTT 5 §6: binary frames, sub-protocol `mqtt` (`mqttv3.1` for MQTT 3.1).
 * @param maxPacket a frame may hold several packets, but not be much larger than one
 * @param patience how long in ms a connection may be silent before it is a WebSocket
 */
export async function listenWebSocket(
  { listen, path }: { readonly listen: HostPort; readonly path: string },
  maxPacket: number,
  patience: number,
  admit: Admit,
): Promise<Door> {
  const { WebSocketServer, createWebSocketStream } = await import('ws');
  const http = createHttpServer((_request, response) => response.writeHead(426).end());
  http.setTimeout(patience);
  const sockets = new WebSocketServer({
    server: http,
    path,
    maxPayload: maxPacket + 1024 * 1024,
    perMessageDeflate: false,
    handleProtocols: (offered) => ['mqtt', 'mqttv3.1'].find((known) => offered.has(known)) ?? false,
  });
  sockets.on('connection', (socket, request) => {
    socket.on('message', (_data, binary) => {
      if (!binary) socket.close(1003, 'MQTT is sent in binary frames'); // [MQTT-6.0.0-1]
    });
    admit(createWebSocketStream(socket), peerOf(request.socket));
  });
  await listening(http, listen);
  const outer = door(http, `ws://`, path);
  return {
    ...outer,
    close: async () => {
      for (const socket of sockets.clients) socket.terminate();
      sockets.close();
      http.closeAllConnections();
      await outer.close();
    },
  };
}

const peerOf = (socket: Socket): string => `${socket.remoteAddress ?? '?'}:${socket.remotePort ?? '?'}`;

async function listening(server: Server, { host, port }: HostPort): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function door(server: Server, prefix: string, suffix = ''): Door {
  const { address, port, family } = server.address() as AddressInfo;
  const host = family === 'IPv6' ? `[${address}]` : address;
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => (closed ??= new Promise((resolve) => server.close(() => resolve())));
  return { at: `${prefix}${host}:${port}${suffix}`, shut: () => void close(), close };
}
