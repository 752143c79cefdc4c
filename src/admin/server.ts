import { serve, type ServerType } from '@hono/node-server';
import { Hono, type MiddlewareHandler } from 'hono';
import { JunctionError } from '../core/errors.ts';
import type { LossName } from '../core/losses.ts';
import type { EndpointStatus } from '../core/protocol.ts';
import type { HostPort } from '../core/units.ts';
import { deadLetterRoutes, type DeadLetters } from './dead-letters.ts';
import { reloadRoutes, type Reloads } from './reload.ts';

/** What the admin server tells about; the gateway is one. */
export interface Administered {
  ready(): boolean;
  status(): ReadonlyMap<string, EndpointStatus>;
  /** The state of the store; undefined where nothing needs it. */
  storeStatus(): { readonly state: string; readonly reason?: string } | undefined;
  /** How many messages have lost what, by endpoint. */
  readonly losses: ReadonlyMap<string, ReadonlyMap<LossName, number>>;
  /** What is in the store; undefined where nothing needs it. To be asked for after the gateway is open. */
  readonly deadLetters: DeadLetters | undefined;
}

/** The admin server: is the process alive, can it take messages, and which became dead letters? */
export class AdminServer {
  readonly #gateway: Administered;
  readonly #reloads: Reloads | undefined;
  #server: ServerType | undefined;

  /** @param reloads where the configuration can be read again */
  constructor(gateway: Administered, reloads?: Reloads) {
    this.#gateway = gateway;
    this.#reloads = reloads;
  }

  /**
   * Resolves once it listens, with the port it has.
   * @throws JunctionError unavailable
   */
  open(at: HostPort): Promise<number> {
    const app = new Hono();
    app.use(refuseWebPages);
    app.get('/healthz', (context) => context.json({ status: 'ok' }));
    app.get('/readyz', (context) => {
      const ready = this.#gateway.ready();
      const endpoints = Object.fromEntries(this.#gateway.status());
      const store = this.#gateway.storeStatus();
      const configuration = this.#reloads?.status();
      const status = {
        status: ready ? 'ready' : 'not ready',
        endpoints,
        ...(store && { store }),
        ...(configuration && { configuration }),
      };
      return context.json(status, ready ? 200 : 503);
    });
    app.get('/losses', (context) => {
      const all = [...this.#gateway.losses];
      return context.json({
        endpoints: Object.fromEntries(all.map(([name, counts]) => [name, Object.fromEntries(counts)])),
      });
    });
    app.route(
      '/dead-letters',
      deadLetterRoutes(() => this.#gateway.deadLetters),
    );
    if (this.#reloads) app.route('/', reloadRoutes(this.#reloads));
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

/** A page of another site that an operator's browser shows must not change anything here. */
const refuseWebPages: MiddlewareHandler = async (context, next) => {
  const { method } = context.req;
  const origin = context.req.header('origin');
  if (method !== 'GET' && method !== 'HEAD' && origin !== undefined)
    return context.json({ error: 'requests of web pages are refused' }, 403);
  await next();
  return undefined;
};
