import { serve, type ServerType } from '@hono/node-server';
import { Hono } from 'hono';
import { JunctionError } from '../core/errors.ts';
import type { EndpointStatus } from '../core/protocol.ts';
import type { HostPort } from '../core/units.ts';

/** What the admin server tells about; the gateway is one. */
export interface Health {
  ready(): boolean;
  status(): ReadonlyMap<string, EndpointStatus>;
}

/** The admin server: is the process alive, and can it take messages? */
export class AdminServer {
  readonly #health: Health;
  #server: ServerType | undefined;

  constructor(health: Health) {
    this.#health = health;
  }

  /**
   * Resolves once it listens, with the port it has.
   * @throws JunctionError unavailable
   */
  open(at: HostPort): Promise<number> {
    const app = new Hono();
    app.get('/healthz', (context) => context.json({ status: 'ok' }));
    app.get('/readyz', (context) => {
      const ready = this.#health.ready();
      const endpoints = Object.fromEntries(this.#health.status());
      return context.json({ status: ready ? 'ready' : 'not ready', endpoints }, ready ? 200 : 503);
    });
    return new Promise((resolve, reject) => {
      this.#server = serve({ fetch: app.fetch, hostname: at.host, port: at.port }, (info) =>
        resolve(info.port),
      );
      this.#server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          new JunctionError(
            'unavailable',
            `admin cannot listen on ${at.host}:${at.port}: ${error.code ?? error.message}`,
            {
              cause: error,
            },
          ),
        ),
      );
    });
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      if ('closeAllConnections' in server) server.closeAllConnections();
    });
  }
}
