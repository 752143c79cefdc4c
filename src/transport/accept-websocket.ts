import { createServer, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Arrival, Step } from './arrival.ts';
import { WebSocketStream, type Frames } from './websocket-stream.ts';

/** How a protocol is carried by WebSocket. */
export interface WebSocketBinding {
  /** The names it may go by (RFC 6455 §1.9), best first. */
  readonly subprotocols: readonly string[];
  /** Whether a client must offer one of them, or may offer none. */
  readonly mustOffer: boolean;
  readonly frames: Frames;
}

/** How long, in ms, a peer may take to answer our close frame. */
const closeWithin = 1000;

/**
 * The largest WebSocket message, in bytes, where the protocol's own may have `maxMessage`: libraries put what they
 * have to write into one, which may be several of the protocol's.
 */
const largest = (maxMessage: number): number => 4 * maxMessage + 1024 * 1024;

/** The server's side of the WebSocket handshake; `next` gets the bytes within the frames. */
export async function acceptWebSocket(
  path: string,
  binding: WebSocketBinding,
  maxMessage: number,
  next: Step,
): Promise<Step> {
  const { WebSocketServer } = await import('ws');
  const arrivals = new WeakMap<Duplex, Arrival>();
  const settings = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: largest(maxMessage),
    closeTimeout: closeWithin,
    handleProtocols: (offered: Set<string>) =>
      binding.subprotocols.find((known) => offered.has(known)) ?? false,
  };
  const sockets = new WebSocketServer(settings); // its types do not know closeTimeout yet
  const http = createServer((request, response) => {
    arrivals.get(request.socket)?.report('its HTTP request does not ask for a WebSocket');
    response.writeHead(426, { connection: 'close', upgrade: 'websocket' }).end();
  });
  http.on('clientError', (_error, socket) => {
    arrivals.get(socket)?.report('it does not speak HTTP, by which a WebSocket begins');
    if (socket.writable) socket.write('HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n');
    socket.destroy();
  });
  http.on('upgrade', (request, socket, head) => {
    const arrival = arrivals.get(socket);
    if (!arrival || arrival.over) return void socket.destroy();
    const wrong = mistakeOf(request, path, binding);
    if (wrong) {
      arrival.report(wrong.why);
      return void socket.end(`HTTP/1.1 ${wrong.status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) =>
      next(arrival, new WebSocketStream(webSocket, binding.frames, (why) => arrival.misbehaved(why))),
    );
  });
  return (arrival, stream) => {
    arrivals.set(stream, arrival);
    http.emit('connection', stream);
  };
}

function mistakeOf(
  { url = '', headers }: IncomingMessage,
  path: string,
  { subprotocols, mustOffer }: WebSocketBinding,
): { readonly status: string; readonly why: string } | undefined {
  if (url.split('?', 1)[0] !== path)
    return { status: '404 Not Found', why: `its WebSocket is not for the path ${path}` };
  const offered = headers['sec-websocket-protocol'];
  const names = offered?.split(',').map((name) => name.trim()) ?? [];
  if (names.length === 0 ? !mustOffer : names.some((name) => subprotocols.includes(name))) return undefined;
  return {
    status: '400 Bad Request',
    why: `its WebSocket does not offer the sub-protocol ${subprotocols.join(' or ')}`,
  };
}
