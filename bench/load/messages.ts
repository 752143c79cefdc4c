import type { HistogramData } from './histogram.ts';

/** What a load process is told when it starts, as JSON in its first argument. */
export interface SenderSpec {
  readonly protocol: 'mqtt' | 'stomp' | 'amqp';
  readonly port: number;
  /** Connections, numbered from 0. */
  readonly connections: number;
  /** Where to publish; `{n}` is the connection's number. */
  readonly address: string;
  /** MQTT only. */
  readonly qos: 0 | 1;
  /** Unacknowledged messages of one connection. */
  readonly window: number;
  /** Bytes of a body. */
  readonly messageSize: number;
  readonly run: number;
}

export interface ReceiverSpec {
  readonly protocol: 'mqtt' | 'amqp' | 'stomp' | 'kafka' | 'rhea';
  /** The port on loopback. */
  readonly port: number;
  readonly connections: number;
  readonly address: string;
  /** MQTT only. */
  readonly qos: 0 | 1;
  /** AMQP: link credit; STOMP: unacknowledged messages. */
  readonly credit: number;
  readonly messageSize: number;
  readonly run: number;
}

/** From the driver to a load process. */
export type Command =
  /** Send: `rate` messages a second over all connections, each at its intended time; 0 is as fast as the window allows. */
  | { readonly kind: 'go'; readonly rate: number }
  /** Send nothing new. */
  | { readonly kind: 'hold' }
  /** Forget the latencies so far. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'snapshot' };

export interface SenderSnapshot {
  /** µs (clock.ts). */
  readonly at: number;
  readonly sent: number;
  /** Acknowledged with success. */
  readonly acknowledged: number;
  /** Acknowledged with a refusal. */
  readonly refused: number;
  /** From the intended send time to the acknowledgement. */
  readonly latency: HistogramData;
}

export interface ReceiverSnapshot {
  readonly at: number;
  readonly received: number;
  readonly duplicates: number;
  readonly disordered: number;
  readonly foreign: number;
  /** From the intended send time to the arrival here. */
  readonly latency: HistogramData;
}

/** From a load process to the driver. */
export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done' }
  | { readonly kind: 'snapshot'; readonly value: SenderSnapshot | ReceiverSnapshot };
