import * as http from 'node:http';
import * as https from 'node:https';
import { JunctionError } from '../core/errors.ts';
import type { RegistrySettings } from './registry-schema.ts';

/** Longer answers are refused. */
const maxAnswer = 4 * 1024 ** 2;

/** What a registry answers: the status, and the JSON of the body where it is any. */
export interface Answer {
  readonly status: number;
  readonly content: unknown;
}

/** Asks one registry. Does nothing before the first request. */
export class RegistryClient {
  readonly #name: string;
  readonly #settings: RegistrySettings;
  readonly #agent: http.Agent;
  readonly #headers: http.OutgoingHttpHeaders;

  constructor(name: string, settings: RegistrySettings) {
    this.#name = name;
    this.#settings = settings;
    const { url, ca, username, password, token } = settings;
    const options = { keepAlive: true, maxSockets: 4, timeout: 30_000 };
    this.#agent = url.startsWith('https:') ? new https.Agent({ ...options, ca }) : new http.Agent(options);
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const authorization = token === undefined ? username && basic : `Bearer ${token}`;
    this.#headers = {
      accept: 'application/vnd.schemaregistry.v1+json, application/json',
      ...(authorization && { authorization }),
    };
  }

  /**
   * @param path below the URL, e.g. `/schemas/ids/1`
   * @throws JunctionError unavailable where there is no answer, or none that says anything of the schema
   */
  async get(path: string): Promise<Answer> {
    const { url, timeout } = this.#settings;
    const answer = await this.#request(`${url.replace(/\/+$/, '')}${path}`, timeout).catch(
      (error: unknown) => {
        const { name, message, code } = error as NodeJS.ErrnoException;
        const why =
          name === 'TimeoutError' || name === 'AbortError'
            ? `no answer within ${timeout} ms`
            : message || code;
        throw this.#unavailable(`cannot be asked: ${why}`, error);
      },
    );
    const { status } = answer;
    if (status === 401 || status === 403)
      throw this.#unavailable(`refuses us (status ${status}); see its username and password`);
    if (status !== 200 && status !== 404 && status !== 422)
      throw this.#unavailable(`answered with status ${status}`);
    return answer;
  }

  #unavailable(what: string, cause?: unknown): JunctionError {
    return new JunctionError('unavailable', `the schema registry ${this.#name} ${what}`, { cause });
  }

  #request(url: string, timeout: number): Promise<Answer> {
    const { get } = url.startsWith('https:') ? https : http;
    return new Promise((resolve, reject) => {
      const signal = AbortSignal.timeout(timeout);
      const request = get(url, { agent: this.#agent, headers: this.#headers, signal }, (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on('error', reject);
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          length += chunk.length;
          if (length > maxAnswer) request.destroy(new Error(`its answer is longer than ${maxAnswer} bytes`));
        });
        response.on('end', () =>
          resolve({ status: response.statusCode!, content: jsonOf(Buffer.concat(chunks).toString()) }),
        );
      });
      request.on('error', reject);
    });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
