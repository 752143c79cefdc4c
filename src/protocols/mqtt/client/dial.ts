import { connect as connectTcp, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { MqttClientConfig } from './config.ts';

/** Begins a connection to a broker: TCP, TLS or WebSocket, by the URL. */
export async function dial(address: string, { tls, connect_timeout }: MqttClientConfig): Promise<Duplex> {
  const url = new URL(address);
  const secure = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
  const host = url.hostname.replace(/^\[|\]$/g, '');
  switch (url.protocol) {
    case 'ws:':
    case 'wss:': {
      const { createWebSocketStream, WebSocket } = await import('ws');
      const socket = new WebSocket(url, ['mqtt'], { handshakeTimeout: connect_timeout, ...secure }); // [MQTT-6.0.0-3]
      return createWebSocketStream(socket);
    }
    case 'mqtts:': {
      const servername = isIP(host) ? {} : { servername: host };
      return connectTls({ host, port: Number(url.port || 8883), ...servername, ...secure }).setNoDelay(true);
    }
    default:
      return connectTcp({ host, port: Number(url.port || 1883), noDelay: true, keepAlive: true });
  }
}
