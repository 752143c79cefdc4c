import { setTimeout as pause } from 'node:timers/promises';
import { bodyOf, type Ledger } from './ledger.ts';

/** What a sender is told; `closed`: its connection ended before it was told anything. */
export type Answer = 'accepted' | 'refused' | 'closed';

/** One connection of an independent client that publishes. */
export interface Sender {
  publish(key: string, body: Buffer): Promise<Answer>;
  /** Resolves when the connection has ended, however that was. */
  readonly closed: Promise<unknown>;
  close(): Promise<void> | void;
}

/** After so many ms without any answer a sender gives its connection up. */
const patience = 20_000;

export interface LoadOptions {
  readonly ledger: Ledger;
  readonly keys: readonly string[];
  /** Messages of each key. */
  readonly count: number;
  /** Messages of one key that are under way at a time. */
  readonly window: number;
  /** Bytes of a body. */
  readonly sizeOf: (number: number) => number;
  /** Ms between two messages of a key, about. */
  readonly pace: number;
  readonly connect: () => Promise<Sender>;
  /** Called for each message that was acknowledged for the first time. */
  readonly onProgress: () => void;
}

/** Sends the messages of some keys by one connection at a time, each until it is acknowledged, in order of the key. */
export class Load {
  readonly #options: LoadOptions;
  readonly #keys: KeyLoad[];
  #sender: Sender | undefined;
  #answered = 0;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#keys = options.keys.map((key) => new KeyLoad(key, options.count));
  }

  /** Resolves when all has been acknowledged, or after `stop`. */
  async run(): Promise<void> {
    while (!this.#done) {
      const sender = await this.#options.connect().catch(() => undefined);
      if (!sender) {
        await pause(50);
        continue;
      }
      this.#sender = sender;
      this.#answered = performance.now();
      const watch = setInterval(() => {
        if (performance.now() - this.#answered > patience) void sender.close();
      }, 500);
      await Promise.race([sender.closed, Promise.all(this.#keys.map((key) => this.#work(key, sender)))]);
      clearInterval(watch);
      this.#sender = undefined;
      await sender.close();
    }
  }

  stop(): void {
    this.#stopped = true;
    void this.#sender?.close();
  }

  get #done(): boolean {
    return this.#stopped || this.#keys.every(({ done }) => done);
  }

  async #work(key: KeyLoad, sender: Sender): Promise<void> {
    const { window, pace } = this.#options;
    while (!key.done && this.#sender === sender && !this.#stopped) {
      if (key.waiting && key.underWay < window) void this.#send(key, sender);
      else await key.changed();
      if (pace > 0) await pause(pace);
    }
  }

  async #send(key: KeyLoad, sender: Sender): Promise<void> {
    const { ledger, sizeOf, window, onProgress } = this.#options;
    const number = key.take();
    const id = { key: key.name, number };
    ledger.sending(id);
    const answer = await Promise.race([
      sender.publish(key.name, bodyOf(ledger.run, id, sizeOf(number))).catch((): Answer => 'closed'),
      sender.closed.then((): Answer => 'closed'),
    ]);
    if (answer !== 'closed') this.#answered = performance.now();
    if (answer === 'accepted') {
      ledger.confirmed(id);
      key.settle(number, true);
      onProgress();
      return;
    }
    if (answer === 'refused') {
      if (window > 1) ledger.unordered.add(key.name);
      await pause(50);
    }
    key.settle(number, false);
  }
}

/** The messages of one key: those that are under way, and those that are to be sent, again or at all, in order. */
class KeyLoad {
  readonly name: string;
  underWay = 0;
  #left: number;
  readonly #waiting: number[];
  #wake: (() => void) | undefined;

  constructor(name: string, count: number) {
    this.name = name;
    this.#left = count;
    this.#waiting = Array.from({ length: count }, (_, number) => number);
  }

  get done(): boolean {
    return this.#left === 0;
  }

  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  take(): number {
    this.underWay++;
    return this.#waiting.shift()!;
  }

  settle(number: number, accepted: boolean): void {
    this.underWay--;
    if (accepted) this.#left--;
    else {
      const at = this.#waiting.findIndex((each) => each > number);
      this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, number);
    }
    this.#wake?.();
  }

  changed(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
