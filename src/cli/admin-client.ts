import { loadConfiguration } from '../config/load.ts';
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
    const response = await fetch(url, { method }).catch((error: Error) => {
      const { code, message } = ((error.cause as Error | undefined) ?? error) as NodeJS.ErrnoException;
      throw new JunctionError(
        'unavailable',
        `no gateway answers at ${this.#base} (${code ?? message}); start it, or name its admin.listen by --admin`,
      );
    });
    if (response.status === 204) return undefined as Answer;
    const answer = (await response.json().catch(() => ({}))) as { error?: string };
    if (!response.ok)
      throw new JunctionError('refused', answer.error ?? `the gateway answered ${response.status}`);
    return answer as Answer;
  }
}

/** Where one connects to a server that listens here: one that listens everywhere is reached on this machine. */
function reachable({ host, port }: HostPort): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
