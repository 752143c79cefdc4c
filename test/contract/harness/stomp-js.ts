import { connect, type Socket } from 'node:net';
import { Client, type IStompSocket, type StompHeaders } from '@stomp/stompjs';
import type { Inbox, Peer, PeerMessage } from '../contract.ts';
import { cleanup } from './listener-bench.ts';

export interface Login {
  readonly username: string;
  readonly password: string;
}

/** Headers that protocol or broker put on a MESSAGE by themselves. */
const own = new Set([
  ...['destination', 'message-id', 'subscription', 'ack', 'content-length', 'content-type', 'correlation-id'],
  ...['reply-to', 'redelivered', 'persistent', 'priority', 'timestamp', 'expires', 'type', 'receipt'],
  ...['JMSXGroupID', 'amqp-message-id', 'destination-type', 'original-destination'],
]);
const isOwn = (name: string): boolean =>
  own.has(name) || name.startsWith('_') || name.startsWith('junction-');

/** What @stomp/stompjs takes for a WebSocket, over TCP. */
export function overTcp(port: number): IStompSocket {
  const socket: Socket = connect(port, '127.0.0.1');
  socket.setNoDelay(true);
  const shim: IStompSocket & { readyState: number } = {
    url: `tcp://127.0.0.1:${port}`,
    readyState: 0,
    binaryType: 'arraybuffer',
    onopen: null,
    onclose: null,
    onerror: null,
    onmessage: null,
    send: (data) => void socket.write(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer)),
    close: () => void socket.end(),
    terminate: () => void socket.destroy(),
  };
  socket.on('connect', () => {
    shim.readyState = 1;
    (shim.onopen as (() => void) | null)?.();
  });
  socket.on('data', (data) => {
    shim.onmessage?.({ data: new Uint8Array(data).buffer });
  });
  socket.on('error', (error) => {
    shim.onerror?.(error);
  });
  socket.on('close', () => {
    shim.readyState = 3;
    shim.onclose?.({});
  });
  return shim;
}

let receipts = 0;

/** A client of @stomp/stompjs as a peer. It comes back by itself when the broker does. */
export async function connectStompJs(port: number, login?: Login): Promise<Peer> {
  const client = new Client({
    webSocketFactory: () => overTcp(port),
    connectHeaders: { host: '/', ...(login && { login: login.username, passcode: login.password }) },
    reconnectDelay: 200,
    heartbeatIncoming: 0,
    heartbeatOutgoing: 0,
  });
  await new Promise<void>((resolve) => {
    client.onConnect = () => resolve();
    client.activate();
  });
  const receipt = (send: (headers: StompHeaders) => void): Promise<void> =>
    new Promise((resolve) => {
      const id = `peer-${++receipts}`;
      client.watchForReceipt(id, () => resolve());
      send({ receipt: id });
    });
  return {
    close: cleanup(() => client.deactivate({ force: true })),
    async publish(destination, { body, headers, contentType, correlationId, replyTo }) {
      const all: StompHeaders = Object.fromEntries<string>(headers ?? []);
      if (contentType !== undefined) all['content-type'] = contentType;
      if (correlationId !== undefined) all['correlation-id'] = correlationId;
      if (replyTo !== undefined) all['reply-to'] = replyTo;
      await receipt((also) =>
        client.publish({ destination, binaryBody: body, headers: { persistent: 'true', ...all, ...also } }),
      );
      return 'accepted';
    },
    async subscribe(destination): Promise<Inbox> {
      const messages: PeerMessage[] = [];
      await receipt((also) =>
        client.subscribe(
          destination,
          (message) => {
            const headers = Object.entries(message.headers);
            const one = new Map(headers);
            messages.push({
              body: Buffer.from(message.binaryBody),
              headers: headers.filter(([name]) => !isOwn(name)),
              contentType: one.get('content-type'),
              correlationId: one.get('correlation-id'),
              replyTo: one.get('reply-to'),
            });
            message.ack();
          },
          // Artemis sends 10 KiB only, unless told
          { ack: 'client-individual', 'consumer-window-size': String(8 << 20), ...also },
        ),
      );
      return { messages, confirm: () => undefined };
    },
  };
}
