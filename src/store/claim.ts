import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { JunctionError } from '../core/errors.ts';

/** The shortest bound of any system (macOS) on the name of a local socket, in bytes. */
const longestSocketName = 103;

/**
 * Makes sure that one process alone has a folder: it listens on a local socket in it, which ends with the process
 * however that ends. Unlike a file with a process id, it cannot be mistaken for another process after a crash, nor for
 * this one in another container that shares the folder.
 */
export class Claim {
  readonly #folder: string;
  #server: Server | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws JunctionError unavailable where another process has the folder */
  async take(): Promise<void> {
    const name = socketName(this.#folder);
    if (await this.#listen(name)) return;
    if (await answers(name))
      throw new JunctionError(
        'unavailable',
        `the store in ${this.#folder} is in use by another process; each gateway needs a store of its own: name another folder in store.path`,
      );
    // left behind by a process that was killed
    await rm(name, { force: true });
    if (!(await this.#listen(name)))
      throw new JunctionError(
        'unavailable',
        `the store in ${this.#folder} is in use by another process: name another folder in store.path`,
      );
  }

  async release(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise<void>((done) => server.close(() => done()));
  }

  /** @returns false where something is there already */
  #listen(name: string): Promise<boolean> {
    const server = createServer((socket) => socket.destroy());
    return new Promise((done, fail) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EADDRINUSE'
          ? done(false)
          : fail(
              new JunctionError('unavailable', `the store's folder cannot be claimed: ${error.message}`, {
                cause: error,
              }),
            ),
      );
      server.listen(name, () => {
        this.#server = server;
        done(true);
      });
    });
  }
}

function socketName(folder: string): string {
  const full = join(resolve(folder), 'owner.sock');
  const short = relative(process.cwd(), full);
  const name = short.length < full.length ? short : full;
  if (Buffer.byteLength(name) <= longestSocketName) return name;
  const hash = createHash('sha256').update(full).digest('hex').slice(0, 32);
  return join(tmpdir(), `junction-${hash}.sock`);
}

const answers = (name: string): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(name);
    socket.once('connect', () => {
      socket.destroy();
      done(true);
    });
    socket.once('error', () => done(false));
  });
