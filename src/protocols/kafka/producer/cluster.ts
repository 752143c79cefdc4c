import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Backoff } from '../../../core/backoff.ts';
import type { EndpointState } from '../../../core/protocol.ts';
import type { Connection } from '../wire/connection.ts';
import { textOf, type Address, type Dial } from '../wire/dial.ts';
import { metadata, type Metadata, type Request } from '../wire/requests.ts';
import { Node, type NodeOwner } from './node.ts';

export interface ClusterOwner extends NodeOwner {
  /** Questions can be asked. @throws Error where the brokers' answers allow no work; the connection is then ended */
  connected(): Promise<void>;
  /** It is time to ask anew where partitions are. */
  refresh(): void;
}

export interface ClusterOptions {
  /** Where some of the brokers are. */
  readonly brokers: readonly Address[];
  readonly dial: Dial;
  /** How long in ms an answer may take. */
  readonly patience: number;
  readonly owner: ClusterOwner;
}

/** How often, in ms, the cluster is asked where its partitions are; before brokers end an idle connection, after 10 min. */
const refreshEvery = 4 * 60_000;

/** After this long, in ms, a connection counts as a success, and the next attempt follows its loss at once. */
const steady = 30_000;

/**
 * The brokers of a cluster: one connection for questions, which shows whether the cluster can be reached, and one to each
 * node that leads a partition we write to.
 */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #control: Connection | undefined;
  #nodes = new Map<number, Node>();
  #turn = 0;
  #state: EndpointState = 'connecting';
  #reason: string | undefined;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  get state(): EndpointState {
    return this.#state === 'ready' && this.reason !== undefined ? 'failing' : this.#state;
  }

  /** Why it cannot be used as it should, if so. */
  get reason(): string | undefined {
    if (this.#reason !== undefined) return this.#reason;
    for (const { trouble } of this.#nodes.values()) if (trouble !== undefined) return trouble;
    return undefined;
  }

  /** Connects, and from then on reconnects, by itself. */
  open(): void {
    this.#running ??= this.#run();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const node of this.#nodes.values()) node.close();
    await this.#running;
  }

  node(id: number): Node | undefined {
    return this.#nodes.get(id);
  }

  /** Whether questions can be asked. */
  get reachable(): boolean {
    return this.#control?.open === true;
  }

  /** Asks any broker. @throws ConnectionError */
  async ask<Answer>(request: Request<Answer>): Promise<Answer> {
    const control = this.#control;
    if (!control) throw new Error('no broker can be reached');
    return control.request(request, this.#options.patience);
  }

  /** Asks where the partitions of topics are; from then on their nodes are known. @throws ConnectionError */
  async locate(topics: readonly string[], create: boolean): Promise<Metadata['topics']> {
    const { brokers, topics: found } = await this.ask(metadata(topics, create));
    const { dial, owner } = this.#options;
    const nodes = new Map<number, Node>();
    for (const { id, ...address } of brokers) {
      const known = this.#nodes.get(id);
      const same = known && textOf(known.address) === textOf(address);
      nodes.set(id, same ? known : new Node(id, address, dial, owner));
    }
    // A broker that starts may not know of any other yet.
    if (nodes.size === 0) return found;
    const before = this.#nodes;
    this.#nodes = nodes;
    for (const [id, node] of before) if (nodes.get(id) !== node) node.close();
    return found;
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(100, 10_000);
    const { signal } = this.#closing;
    const { dial, owner } = this.#options;
    while (!signal.aborted) {
      const since = performance.now();
      let control: Connection | undefined;
      let refreshing: NodeJS.Timeout | undefined;
      let expiring: NodeJS.Timeout | undefined;
      try {
        control = await dial(this.#next(), signal);
        this.#control = control;
        await owner.connected();
        backoff.reset();
        this.#state = 'ready';
        this.#reason = undefined;
        owner.changed();
        refreshing = setInterval(() => owner.refresh(), refreshEvery);
        if (control.expiresAt < Infinity)
          expiring = setTimeout(
            () => control!.end('the login has expired'),
            Math.min(control.expiresAt - performance.now(), 0x7fff_ffff),
          );
        const { silent, message } = await control.closed;
        if (silent) throw new Error(message);
        this.#state = 'connecting';
      } catch (error) {
        this.#state = 'failing';
        this.#reason = error instanceof Error ? error.message : String(error);
      } finally {
        clearInterval(refreshing);
        clearTimeout(expiring);
        control?.end('it is replaced');
        this.#control = undefined;
      }
      owner.changed();
      if (performance.now() - since > steady) backoff.reset();
      await pause(backoff.next(), undefined, { signal }).catch(() => undefined);
    }
    this.#state = 'closed';
  }

  /** Where to ask next: each of the brokers that are known, in turn. */
  #next(): Address {
    const known = new Map<string, Address>();
    for (const address of this.#options.brokers) known.set(textOf(address), address);
    for (const { address } of this.#nodes.values()) known.set(textOf(address), address);
    const all = [...known.values()];
    return all[this.#turn++ % all.length]!;
  }
}
