import { Hono } from 'hono';

/** A mistake in a file. */
export interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
}

/** Why a configuration that was read again is not in use. */
export interface Failure {
  /** ISO 8601. */
  readonly at: string;
  readonly error: string;
  /** Where its files are faulty; empty where something else was in the way. */
  readonly problems: readonly Mistake[];
}

/** Which configuration is in use. */
export interface ConfigurationStatus {
  /** 1 after the start; one more for each reload that has changed something. */
  readonly version: number;
  /** Since when, ISO 8601. */
  readonly since: string;
  readonly files: readonly string[];
  /** Sections that hold only from the next start on, as they were changed since. */
  readonly atRestart: readonly string[];
  /** The last reload, where that has failed. */
  readonly failure?: Failure;
}

/** What came of a reload. */
export type Reloaded =
  | { readonly state: 'reloaded'; readonly version: number; readonly changes: object }
  | ({ readonly state: 'faulty' | 'failed' } & Failure);

/** The one that reads the configuration again. */
export interface Reloads {
  status(): ConfigurationStatus;
  /** @param why for the log */
  reload(why: string): Promise<Reloaded>;
}

/** `GET /configuration` shows which one is in use, `POST /reload` reads it again. */
export function reloadRoutes(reloads: Reloads): Hono {
  const app = new Hono();
  app.get('/configuration', (context) => context.json(reloads.status()));
  app.post('/reload', async (context) => {
    const result = await reloads.reload('POST /reload');
    return context.json(result, result.state === 'reloaded' ? 200 : result.state === 'faulty' ? 422 : 503);
  });
  return app;
}
