import { adminOf, loadConfiguration } from '../config/load.ts';
import { ConfigError } from '../config/problems.ts';
import { JunctionError } from '../core/errors.ts';
import type { HostPort } from '../core/units.ts';
import { protocols } from '../protocols/index.ts';

export interface AdminOptions {
  /** The configuration file, which says where the gateway's admin server listens. */
  readonly config: string;
  /** Its `host:port`, in place of the configuration's. */
  readonly admin?: string;
}

/** Talks to the admin server of the running gateway. */
export class AdminClient {
  readonly #base: string;

  /** @param at host:port */
  constructor(at: string) {
    this.#base = `http://${at}`;
  }

  /** @throws ConfigError where the configuration is faulty */
  static async of({ config, admin }: AdminOptions): Promise<AdminClient> {
    if (admin !== undefined) return new AdminClient(admin);
    const configuration = await loadConfiguration(config, { env: process.env, protocols });
    return new AdminClient(reachable(configuration.admin));
  }

  /** As `of`; but a configuration that is too faulty to tell where the gateway listens is the gateway's to explain. */
  static async ofRunning(options: AdminOptions): Promise<AdminClient> {
    try {
      return await AdminClient.of(options);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const listen = await adminOf(options.config, process.env);
      if (listen === undefined) throw error;
      return new AdminClient(reachable(listen));
    }
  }

  /** The answer's JSON, whatever the gateway says with it. */
  async ask<Answer>(method: 'GET' | 'POST' | 'DELETE', path: string): Promise<Answer> {
    return (await (await this.#fetch(`${this.#base}${path}`, method)).json()) as Answer;
  }

  /**
   * The answer's JSON; undefined where it has none.
   * @throws JunctionError with what the gateway says, or why it cannot be reached
   */
  async request<Answer>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    query = new URLSearchParams(),
  ): Promise<Answer> {
    const url = `${this.#base}${path}${query.size > 0 ? `?${query.toString()}` : ''}`;
    const response = await this.#fetch(url, method);
    if (response.status === 204) return undefined as Answer;
    const answer = (await response.json().catch(() => ({}))) as { error?: string };
    if (!response.ok)
      throw new JunctionError('refused', answer.error ?? `the gateway answered ${response.status}`);
    return answer as Answer;
  }

  #fetch(url: string, method: string): Promise<Response> {
    return fetch(url, { method }).catch((error: Error) => {
      const { code, message } = ((error.cause as Error | undefined) ?? error) as NodeJS.ErrnoException;
      throw new JunctionError(
        'unavailable',
        `no gateway answers at ${this.#base} (${code ?? message}); start it, or name its admin.listen by --admin`,
      );
    });
  }
}

/** Where one connects to a server that listens here: one that listens everywhere is reached on this machine. */
function reachable({ host, port }: HostPort): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
