import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Parser } from '@stomp/stompjs';
import type { Envelope } from '../../../src/core/envelope.ts';
import { accepted, type Outcome } from '../../../src/core/outcome.ts';
import type { Intake, Log } from '../../../src/core/protocol.ts';
import { listenerConfig } from '../../../src/protocols/stomp/config.ts';
import { StompListener } from '../../../src/protocols/stomp/listener.ts';

const patience = 10_000;

/** Resolves once the condition holds; fails after the deadline. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + patience;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** Routes whose outcome the test decides. */
export class HeldIntake implements Intake {
  readonly patterns = [];
  readonly messages: Envelope[] = [];
  readonly #answers: ((outcome: Outcome) => void)[] = [];
  readonly #reads: (address: string) => boolean;
  /** Given at once, where set. */
  answer: Outcome | undefined;

  constructor(reads: (address: string) => boolean = () => true, answer?: Outcome) {
    this.#reads = reads;
    this.answer = answer;
  }

  readerOf(address: string): string | undefined {
    return this.#reads(address) ? 'a-route' : undefined;
  }

  deliver(message: Envelope): Promise<Outcome> {
    this.messages.push(message);
    if (this.answer) return Promise.resolve(this.answer);
    return new Promise((resolve) => this.#answers.push(resolve));
  }

  /** Answers the message of this place, from 0. */
  settle(index: number, outcome: Outcome = accepted): void {
    this.#answers[index]!(outcome);
  }

  /** Answers everything, now and from now on. */
  release(): void {
    this.answer = accepted;
    for (const answer of this.#answers) answer(accepted);
  }

  bodies(): string[] {
    return this.messages.map((message) => Buffer.from(message.body!).toString());
  }
}

export class Lines implements Log {
  readonly lines: { level: string; fields: object; message: string }[] = [];
  debug(fields: object, message: string): void {
    this.lines.push({ level: 'debug', fields, message });
  }
  info(fields: object, message: string): void {
    this.lines.push({ level: 'info', fields, message });
  }
  warn(fields: object, message: string): void {
    this.lines.push({ level: 'warn', fields, message });
  }
  error(fields: object, message: string): void {
    this.lines.push({ level: 'error', fields, message });
  }
}

export interface Running {
  readonly listener: StompListener;
  readonly port: number;
  readonly log: Lines;
}

/** A listener on a free port, closed with the test; `none` routes unless an intake is given. */
export async function listen(t: TestContext, settings: object = {}, intake?: HeldIntake): Promise<Running> {
  const log = new Lines();
  const config = listenerConfig.parse({ listen: '127.0.0.1:0', ...settings });
  const listener = new StompListener(config, { name: 'stomp', log });
  await listener.open();
  await listener.source.start(intake ?? new HeldIntake(() => false));
  t.after(async () => {
    intake?.release();
    await listener.close();
  });
  return { listener, port: portOf(listener), log };
}

export const portOf = (listener: StompListener): number => Number(listener.status().at.split(':').pop());

export interface Received {
  readonly command: string;
  readonly headers: Map<string, string>;
  readonly body: Buffer;
}

/** A client that writes exactly what it is told, and reads with the parser of @stomp/stompjs. */
export class RawClient {
  readonly socket: Socket;
  readonly frames: Received[] = [];
  beats = 0;
  closed = false;
  #taken = 0;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setNoDelay(true);
    const parser = new Parser(
      (raw) => {
        const headers = new Map<string, string>();
        for (const [name, value] of raw.headers as unknown as [string, string][])
          if (!headers.has(name)) headers.set(name, value);
        this.frames.push({
          command: String(raw.command),
          headers,
          body: Buffer.from(raw.binaryBody as Uint8Array),
        });
      },
      () => this.beats++,
    );
    this.socket.on('data', (chunk) => parser.parseChunk(new Uint8Array(chunk).buffer));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closed = true));
  }

  /** `^@` and `\0` both stand for NUL. */
  write(text: string | Buffer): void {
    this.socket.write(typeof text === 'string' ? text.replaceAll('^@', '\0') : text);
  }

  /** The next frame that has not been taken. */
  async next(command?: string): Promise<Received> {
    const at = this.#taken++;
    await until(() => this.frames.length > at || this.closed, `frame ${at} (${command ?? 'any'})`);
    const frame = this.frames[at];
    if (!frame) throw new Error(`closed before ${command ?? 'a frame'} came`);
    if (command !== undefined && frame.command !== command)
      throw new Error(
        `expected ${command}, got ${frame.command} ${JSON.stringify([...frame.headers])} ${frame.body.toString()}`,
      );
    return frame;
  }

  /** Sends a question whose answer shows that everything before it was read. */
  async settled(): Promise<void> {
    const id = `probe-${Math.random()}`;
    this.write(`BEGIN\ntransaction:${id}\nreceipt:${id}\n\n^@ABORT\ntransaction:${id}\n\n^@`);
    await until(
      () => this.frames.some((f) => f.headers.get('receipt-id') === id) || this.closed,
      'the probe',
    );
    const at = this.frames.findIndex((f) => f.headers.get('receipt-id') === id);
    if (at >= 0) this.frames.splice(at, 1);
  }

  receipts(): string[] {
    return this.frames.filter((f) => f.command === 'RECEIPT').map((f) => f.headers.get('receipt-id')!);
  }

  messages(): Received[] {
    return this.frames.filter((f) => f.command === 'MESSAGE');
  }

  close(): void {
    this.socket.destroy();
  }
}

/** A raw client that has connected. */
export async function client(
  t: TestContext,
  port: number,
  version: '1.0' | '1.1' | '1.2' = '1.2',
  more = '',
): Promise<RawClient> {
  const raw = new RawClient(port);
  t.after(() => raw.close());
  raw.write(`CONNECT\naccept-version:${version}\nhost:x\n${more}\n^@`);
  const connected = await raw.next('CONNECTED');
  if (connected.headers.get('version') !== version) throw new Error('another version was agreed');
  return raw;
}
