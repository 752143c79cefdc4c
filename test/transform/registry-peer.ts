import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A registry with Confluent's REST interface that gives the answers it is told, and counts what it is asked. */
export class RegistryPeer {
  readonly #answers: Map<string, unknown>;
  readonly asked: string[] = [];
  /** What it does in place of answering: a status, or nothing at all. */
  fails: number | 'silent' | undefined;
  /** What clients must say. */
  authorization: string | undefined;
  readonly #server: Server;

  constructor(answers: Readonly<Record<string, unknown>>) {
    this.#answers = new Map(Object.entries(answers));
    this.#server = createServer((request, response) => {
      const path = request.url!;
      this.asked.push(path);
      if (this.fails === 'silent') return;
      const authorized =
        this.authorization === undefined || request.headers.authorization === this.authorization;
      const answer = this.#answers.get(path);
      const unknown = { error_code: path.startsWith('/schemas') ? 40403 : 40401, message: 'not found' };
      response.statusCode = this.fails ?? (!authorized ? 401 : answer === undefined ? 404 : 200);
      response.setHeader('content-type', 'application/vnd.schemaregistry.v1+json');
      response.end(JSON.stringify(response.statusCode === 200 ? answer : unknown));
    });
  }

  set(path: string, answer: unknown): void {
    this.#answers.set(path, answer);
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
