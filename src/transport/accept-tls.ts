import { createServer, type TLSSocket } from 'node:tls';
import { peerOf, type Arrival, type Step } from './arrival.ts';
import { clientOf, tlsServerOptions, untrusted, type ServerTls } from './server-tls.ts';

/** The server's side of TLS. */
export interface TlsEntrance {
  readonly take: Step;
  /** Handshakes that begin from now on use these certificates; see `renewable`. */
  renew(tls: ServerTls): void;
}

/** @param next gets the decrypted stream */
export function acceptTls(tls: ServerTls, allowHalfOpen: boolean, next: Step): TlsEntrance {
  // node tells of a finished handshake without the socket it came by: those are known by their addresses
  const arrivals = new Map<string, Arrival>();
  const server = createServer({ ...tlsServerOptions(tls), allowHalfOpen });
  server.on('secureConnection', (stream) => {
    const arrival = arrivals.get(peerOf(stream));
    if (!arrival || arrival.over) return void stream.destroy();
    const client = clientOf(stream, tls);
    if (!client.trusted) return arrival.refuse(client.why);
    arrival.identity = client.identity;
    next(arrival, stream);
  });
  server.on('tlsClientError', (error, stream) => {
    const why = reasonOf(error, stream);
    if (why === undefined) return;
    // a socket that node has closed for its certificate has forgotten its address
    const left = (): Arrival | undefined =>
      [...arrivals.values()].find(({ socket, over }) => socket.destroyed && !over);
    (arrivals.get(peerOf(stream)) ?? left())?.refuse(why);
  });
  const take: Step = (arrival) => {
    arrivals.set(arrival.peer, arrival);
    arrival.socket.once('close', () =>
      setImmediate(() => {
        if (arrivals.get(arrival.peer) === arrival) arrivals.delete(arrival.peer);
      }),
    );
    server.emit('connection', arrival.socket);
  };
  return { take, renew: (renewed) => server.setSecureContext(tlsServerOptions(renewed)) };
}

const notTls: ReadonlySet<string> = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_HTTPS_PROXY_REQUEST',
  'ERR_SSL_UNEXPECTED_MESSAGE',
]);

/** Why a handshake failed, or undefined where the client has just gone. */
function reasonOf(error: Error, stream: TLSSocket): string | undefined {
  const { code, reason } = error as { code?: string; reason?: string };
  // what node says of a certificate that it refuses: the connection was reset
  if (stream.authorizationError) return untrusted(stream);
  if (code === 'ECONNRESET' || code === 'EPIPE') return undefined;
  if (code !== undefined && notTls.has(code)) return 'it does not speak TLS, which this port takes';
  return `its TLS handshake failed: ${reason ?? error.message}`;
}
