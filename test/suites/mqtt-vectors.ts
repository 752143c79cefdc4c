import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';

/** One step of a vector, as Mosquitto's data files write it. */
interface Step {
  readonly type: 'send' | 'recv' | 'external_publish';
  /** Bytes in the notation of `bytesOf`, or what is published by another client. */
  readonly payload: string;
  readonly topic?: string;
  readonly qos?: number;
  readonly retain?: boolean;
}

export interface Vector {
  readonly file: string;
  readonly name: string;
  readonly level: number;
  /** Whether a plain CONNECT goes before it. */
  readonly connect: boolean;
  /** Whether the broker must close the connection. */
  readonly refused: boolean;
  readonly steps: readonly Step[];
}

interface Test {
  readonly name: string;
  readonly ver?: number;
  readonly connect?: boolean;
  readonly expect_disconnect?: boolean;
  readonly msgs: readonly Step[];
}

interface Group extends Omit<Test, 'name' | 'msgs'> {
  readonly group: string;
  readonly disable?: boolean;
  readonly tests: readonly Test[];
}

export function readVectors(folder: URL): Vector[] {
  const vectors: Vector[] = [];
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.json')) continue;
    const groups = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Group[];
    for (const group of groups) {
      if (group.disable) continue;
      for (const test of group.tests)
        vectors.push({
          file: file.slice(0, -5),
          name: `${group.group} ${test.name}`,
          level: test.ver ?? group.ver ?? 4,
          connect: test.connect ?? group.connect ?? true,
          refused: test.expect_disconnect ?? group.expect_disconnect ?? true,
          steps: test.msgs,
        });
    }
  }
  return vectors;
}

const big = (value: number, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  bytes.writeUIntBE(value % 2 ** (8 * length), 0, length);
  return bytes;
};

function variable(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) | (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.from(bytes);
}

/** The notation: `i`, `H k m s`, `L` numbers of 1, 2 and 4 bytes, `v r` variable ones, 'text', and hexadecimal. */
export function bytesOf(notation: string): Buffer {
  const words = notation.match(/'[^']*'|\S+/g) ?? [];
  return Buffer.concat(
    words.map((word) => {
      const value = Number(word.slice(1));
      if (word.startsWith("'")) return Buffer.from(word.slice(1, -1));
      if (word.startsWith('i')) return big(value, 1);
      if (/^[Hkms]/.test(word)) return big(value, 2);
      if (word.startsWith('L')) return big(value, 4);
      return /^[vr]/.test(word) ? variable(value) : Buffer.from(word, 'hex');
    }),
  );
}

const text = (value: string): Buffer => Buffer.concat([big(value.length, 2), Buffer.from(value)]);

const packet = (head: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([head]), variable(body.length), body]);
};

const connectPacket = (id: string, level: number): Buffer =>
  packet(
    0x10,
    text(level === 3 ? 'MQIsdp' : 'MQTT'),
    Buffer.from([level, 2, 0, 60, ...(level === 5 ? [3, 0x21, 0, 20] : [])]),
    text(id),
  );

/** A connection that cuts what it receives into packets. */
class Link {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #wake: () => void = () => {};
  closed = false;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1');
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    for (const event of ['end', 'close', 'error'])
      this.#socket.on(event, () => {
        this.closed = true;
        this.#wake();
      });
  }

  send(bytes: Buffer): void {
    if (!this.closed) this.#socket.write(bytes);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The next packet; null where the connection is closed, undefined where none comes in time (ms). */
  async next(wait: number): Promise<Buffer | null | undefined> {
    const end = Date.now() + wait;
    for (;;) {
      const found = this.#cut();
      if (found) return found;
      if (this.closed) return null;
      const left = end - Date.now();
      if (left <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #cut(): Buffer | undefined {
    let length = 0;
    for (let i = 1; i < 5 && i < this.#bytes.length; i++) {
      const byte = this.#bytes[i]!;
      length += (byte & 127) * 128 ** (i - 1);
      if (byte & 128) continue;
      const total = i + 1 + length;
      if (this.#bytes.length < total) return undefined;
      const found = this.#bytes.subarray(0, total);
      this.#bytes = this.#bytes.subarray(total);
      return found;
    }
    return undefined;
  }
}

/** A message from another client. */
async function publish(port: number, step: Step, wait: number): Promise<void> {
  const link = new Link(port);
  const qos = step.qos ?? 0;
  link.send(connectPacket(`helper${Math.random().toString(36).slice(2, 8)}`, 4));
  await link.next(wait);
  const id = qos > 0 ? [big(1, 2)] : [];
  link.send(
    packet(0x30 | (qos << 1) | (step.retain ? 1 : 0), text(step.topic!), ...id, Buffer.from(step.payload)),
  );
  if (qos > 0) await link.next(wait);
  if (qos === 2) {
    link.send(packet(0x62, big(1, 2)));
    await link.next(wait);
  }
  link.destroy();
}

const refuses = (answer: Buffer): boolean => answer[0] === 0xe0 || (answer[0] === 0x20 && answer[3] !== 0);

/**
 * Plays a vector and says whether the broker decided as it should: what must be refused ends with the connection
 * closed, what must be accepted still answers a PINGREQ. Reason codes are not compared: MQTT leaves most to the server.
 */
export async function decides(vector: Vector, port: number, wait: number): Promise<boolean> {
  const link = new Link(port);
  try {
    if (vector.connect) {
      link.send(connectPacket(`vector${Math.random().toString(36).slice(2, 8)}`, vector.level));
      const answer = await link.next(wait * 3);
      if (!answer || refuses(answer)) return false;
    }
    let refused = false;
    for (const step of vector.steps) {
      if (step.type === 'send') link.send(bytesOf(step.payload));
      else if (step.type === 'external_publish') await publish(port, step, wait);
      else {
        const answer = await link.next(wait);
        if (answer === null) break;
        if (answer && refuses(answer) && !answer.equals(bytesOf(step.payload))) refused = true;
      }
    }
    if (vector.refused) {
      let answer = await link.next(wait);
      while (answer) answer = await link.next(wait);
      return link.closed;
    }
    if (link.closed || refused) return false;
    link.send(Buffer.from([0xc0, 0]));
    for (let i = 0; i < 5; i++) {
      const answer = await link.next(wait);
      if (!answer) return false;
      if (answer[0] === 0xd0) return true;
    }
    return false;
  } finally {
    link.destroy();
  }
}
