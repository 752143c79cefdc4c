import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { User } from '../../brokers/index.ts';
import { classPath, javaFlags } from '../../brokers/java.ts';

const program = fileURLToPath(new URL('RocketMqPeer.java', import.meta.url));

/** A message as RocketMQ's Java client sees it. */
export interface JavaMessage {
  readonly body: Buffer;
  readonly tag?: string | undefined;
  readonly group?: string | undefined;
  readonly properties: readonly (readonly [string, string])[];
  /** Of one that was received: the same when the broker delivers it again. */
  readonly id?: string | undefined;
}

/** RocketMQ's own Java client, in a process of its own that serves many peers. */
export class JavaClient {
  readonly #child;
  readonly #answers = new Map<string, (error: Error | undefined) => void>();
  readonly #inboxes = new Map<string, (message: JavaMessage) => void>();
  #serial = 0;

  private constructor(jars: string, login: readonly string[]) {
    const args = [...javaFlags('256m'), '-cp', jars, program, ...login];
    this.#child = spawn('java', args, { stdio: ['pipe', 'pipe', 'ignore'] });
    createInterface(this.#child.stdout).on('line', (line) => this.#line(line.split(' ')));
    this.#child.once('exit', () => {
      for (const answer of this.#answers.values()) answer(new Error('the Java client ended'));
    });
  }

  /** @param user whom the brokers let in, where they want to know */
  static async start(user?: User): Promise<JavaClient> {
    return new JavaClient(await classPath('rocketmq-client'), user ? [user.username, user.password] : []);
  }

  publish(at: string, topic: string, { body, tag, group, properties }: JavaMessage): Promise<void> {
    const text = properties.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
    return this.#ask(['publish', at, topic, tag ?? '-', group ?? '-', body.toString('base64'), text || '-']);
  }

  /** Resolves with what ends it, once it reads. */
  async subscribe(
    at: string,
    topic: string,
    group: string,
    take: (message: JavaMessage) => void,
  ): Promise<() => void> {
    const id = String(this.#serial + 1);
    this.#inboxes.set(id, take);
    await this.#ask(['subscribe', at, topic, group]);
    return () => void this.#child.stdin.write(`close ${id}\n`);
  }

  /** Ends it with all its peers. */
  async close(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await exited;
  }

  #ask([command, ...args]: string[]): Promise<void> {
    const id = String(++this.#serial);
    return new Promise((resolve, reject) => {
      this.#answers.set(id, (error) => (error ? reject(error) : resolve()));
      this.#child.stdin.write(`${[command, id, ...args].join(' ')}\n`);
    });
  }

  #line([what, id, ...rest]: string[]): void {
    if (what === 'message') {
      const [body, tag, group, properties, messageId] = rest as [string, string, string, string, string];
      this.#inboxes.get(id!)?.({
        body: Buffer.from(body, 'base64'),
        tag: tag === '-' ? undefined : decode(tag),
        group: group === '-' ? undefined : decode(group),
        properties: pairsOf(properties),
        id: messageId,
      });
    } else if (what === 'ok' || what === 'error') {
      const answer = this.#answers.get(id!);
      this.#answers.delete(id!);
      answer?.(what === 'ok' ? undefined : new Error(rest.join(' ')));
    }
  }
}

/** `name=value&…`, percent-encoded. */
export const pairsOf = (text: string): [string, string][] =>
  text === '-'
    ? []
    : text.split('&').map((pair) => {
        const at = pair.indexOf('=');
        return [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
      });

// Java's URLEncoder writes a space as "+".
const decode = (text: string): string => decodeURIComponent(text.replaceAll('+', ' '));
export const encode = (text: string): string => encodeURIComponent(text);
