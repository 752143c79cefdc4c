/** The part of stompit that tests use; it ships no types. */
declare module 'stompit' {
  import type { Socket } from 'node:net';
  import type { Readable, Writable } from 'node:stream';

  export type Headers = Record<string, string>;
  export interface Message extends Readable {
    readonly headers: Headers;
  }
  export interface Subscription {
    unsubscribe(headers?: Headers): void;
  }
  export interface Client {
    on(event: 'error', listener: (error: Error & { isApplicationError(): boolean }) => void): this;
    send(headers: Headers, options?: { onReceipt?: () => void }): Writable;
    subscribe(headers: Headers, listener: (error: Error | null, message: Message) => void): Subscription;
    ack(message: Message): void;
    nack(message: Message): void;
    disconnect(done?: (error?: Error) => void): void;
    destroy(error?: Error): void;
    getTransportSocket(): Socket;
  }
  export interface ConnectOptions {
    readonly host: string;
    readonly port: number;
    readonly connectHeaders?: Headers;
  }
  const stompit: {
    connect(options: ConnectOptions, done: (error: Error | null, client: Client) => void): void;
  };
  export default stompit;
}
