import type { Workload } from '../workload.ts';

export type PortName = 'mqtt' | 'stomp' | 'amqp';

/** A running system under test. */
export interface Instance {
  /** Whose CPU time and memory are counted. */
  readonly pid: number;
  readonly ports: Readonly<Record<PortName, number>>;
  /** From the start of the process until it takes messages, in ms. */
  readonly readyMs: number;
  stop(): Promise<void>;
}

export interface StartOptions {
  readonly workload: Workload;
  /** The port of the Kafka broker, where the path ends in one. */
  readonly kafkaPort: number | undefined;
  /** Write a CPU profile here, if the system can. */
  readonly profileFolder: string | undefined;
}

/** Something that carries messages from one protocol to another: the gateway, a peer, the bare relay. */
export interface System {
  readonly name: string;
  /** Under which key of `to.address` a workload has this system's address to consume from. */
  readonly dialect: string;
  /** Why it cannot run this path here; undefined where it can. */
  unavailable(workload: Workload): string | undefined;
  start(options: StartOptions): Promise<Instance>;
}
