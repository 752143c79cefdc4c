import { performance } from 'node:perf_hooks';
import { Backoff } from '../../../core/backoff.ts';
import type { Connection } from '../wire/connection.ts';
import { textOf, type Address, type Dial } from '../wire/dial.ts';

/** What a node tells the one who sends through it. */
export interface NodeOwner {
  /** It can take requests now, or may be tried again. */
  changed(): void;
  /** It cannot be reached: the partitions that it led may have another leader. */
  unreachable(node: Node): void;
}

/** A broker that leads partitions. It is connected to when there is something for it. */
export class Node {
  readonly id: number;
  readonly address: Address;
  readonly #dial: Dial;
  readonly #owner: NodeOwner;
  readonly #closing = new AbortController();
  readonly #backoff = new Backoff(50, 2000);
  #connection: Connection | undefined;
  #connecting = false;
  #underWay = 0;
  /** Runs until it may be tried, or used, again. */
  #pause: NodeJS.Timeout | undefined;
  #trouble: string | undefined;
  /** Connections that were lost with requests under way, since it has last answered. */
  #losses = 0;

  constructor(id: number, address: Address, dial: Dial, owner: NodeOwner) {
    this.id = id;
    this.address = address;
    this.#dial = dial;
    this.#owner = owner;
  }

  /** Why it cannot be used, if it cannot. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  get #text(): string {
    return textOf(this.address);
  }

  /**
   * The connection, if it can take one more request now; else there will be a call of the owner when that may be so.
   * @param most requests under way at a time
   */
  connection(most: number): Connection | undefined {
    if (this.#pause || this.#connecting || this.#closing.signal.aborted) return undefined;
    const connection = this.#connection;
    if (!connection?.open) {
      void this.#connect();
      return undefined;
    }
    if (performance.now() >= connection.expiresAt) {
      // The broker wants to know again who we are; a fresh connection tells it, when this one has its answers.
      if (this.#underWay === 0) connection.end('the login has expired');
      return undefined;
    }
    return this.#underWay < most ? connection : undefined;
  }

  /** A request is being made for it, or has been answered. */
  began(): void {
    this.#underWay++;
  }

  ended(): void {
    this.#underWay--;
  }

  /** Uses it no further for so many ms. */
  rest(ms: number): void {
    if (this.#closing.signal.aborted) return;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      // Also where nothing waits for it any longer, so that what is said of it stays true.
      if (this.#trouble !== undefined && !this.#connection?.open) void this.#connect();
      this.#owner.changed();
    }, ms);
  }

  /** It has answered. */
  worked(): void {
    this.#trouble = undefined;
    this.#losses = 0;
    this.#backoff.reset();
  }

  close(): void {
    this.#closing.abort();
    clearTimeout(this.#pause);
    this.#pause = undefined;
  }

  async #connect(): Promise<void> {
    this.#connecting = true;
    const { signal } = this.#closing;
    try {
      const connection = await this.#dial(this.address, signal);
      this.#connection = connection;
      if (this.#losses === 0) this.#trouble = undefined;
      void connection.closed.then(({ silent, interrupts, message }) => {
        if (signal.aborted) return;
        // One that was idle may end; one that is cut off once is no news yet.
        if (silent || (interrupts && this.#losses++ > 0)) this.#failed(message);
        else if (interrupts) this.rest(this.#backoff.next());
        this.#owner.changed();
      });
    } catch (error) {
      if (!signal.aborted) this.#failed(error instanceof Error ? error.message : String(error));
    } finally {
      this.#connecting = false;
    }
    if (!signal.aborted) this.#owner.changed();
  }

  #failed(reason: string): void {
    this.#trouble = `broker ${this.id} at ${this.#text}: ${reason}`;
    this.rest(this.#backoff.next());
    this.#owner.unreachable(this);
  }
}
