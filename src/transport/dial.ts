import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { secureOptions, type ClientTls } from './tls.ts';

/** What carries the bytes of a protocol. */
export type Carrier = 'tcp' | 'tls' | 'ws' | 'wss';

/** Where a broker is. */
export interface BrokerUrl {
  /** As written, for people; it holds no credentials. */
  readonly text: string;
  readonly carrier: Carrier;
  readonly host: string;
  readonly port: number;
  /** With its slash; '' where there is none. */
  readonly path: string;
}

export interface DialOptions {
  /** For `tls` and `wss`. */
  readonly tls?: ClientTls | undefined;
  /** How long in ms the WebSocket handshake may take; of TCP and TLS the caller keeps the time. */
  readonly timeout: number;
  /** WebSocket sub-protocols offered, RFC 6455 §1.9. */
  readonly subprotocols: readonly string[];
}

/** Begins a connection. How that goes shows in the stream's events: `error`, `close`, or data. */
export async function dial(url: BrokerUrl, options: DialOptions): Promise<Duplex> {
  const { host, port, carrier } = url;
  switch (carrier) {
    case 'tcp':
      return connectTcp({ host, port, noDelay: true, keepAlive: true });
    case 'tls':
      return connectTls({ host, port, ...secureOptions(options.tls, host) })
        .setNoDelay(true)
        .setKeepAlive(true);
    case 'ws':
    case 'wss': {
      const { createWebSocketStream, WebSocket } = await import('ws');
      const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      const socket = new WebSocket(`${carrier}://${authority}${url.path}`, [...options.subprotocols], {
        handshakeTimeout: options.timeout,
        perMessageDeflate: false,
        skipUTF8Validation: true, // RabbitMQ puts the bytes of any body into text frames
        ...(carrier === 'wss' && secureOptions(options.tls, host)),
      });
      return createWebSocketStream(socket);
    }
  }
}
