import { Hono, type Context } from 'hono';
import { z } from 'zod';
import { errorCodes, JunctionError, type ErrorCode } from '../core/errors.ts';
import type {
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterSummary,
  StoredDeadLetter,
} from '../core/storage.ts';
import { letterView, summaryView } from './dead-letter-view.ts';

interface Failed {
  readonly id: string;
  readonly state: 'failed';
  readonly code: ErrorCode;
  readonly reason: string;
  readonly retryable: boolean;
}

/** Those who do what is asked for here. Every method rejects with a JunctionError where the store has failed. */
export interface DeadLetters {
  list(filter: DeadLetterFilter, page: DeadLetterPage): Promise<DeadLetterSummary[]>;
  get(id: string): Promise<StoredDeadLetter | undefined>;
  replay(
    id: string,
    allTargets: boolean,
  ): Promise<
    | { readonly id: string; readonly state: 'replayed' }
    | { readonly id: string; readonly state: 'missing' }
    | Failed
  >;
  replayAll(
    filter: DeadLetterFilter,
    page: DeadLetterPage,
    allTargets: boolean,
  ): Promise<{
    readonly replayed: number;
    readonly failed: readonly Failed[];
    readonly stopped?: string;
    readonly next?: string;
  }>;
  drop(id: string): Promise<boolean>;
  dropAll(
    filter: DeadLetterFilter,
    page: DeadLetterPage,
  ): Promise<{ readonly dropped: number; readonly next?: string }>;
}

/** Letters in one answer, at most; their messages are not in it. */
const [usualLimit, maxLimit] = [100, 1000];

const time = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z' })
  .transform((text) => Date.parse(text));
const flag = z.enum(['true', 'false']).transform((text) => text === 'true');

/** Strict: a misspelt filter would mean all. */
const query = z.strictObject({
  route: z.string().optional(),
  endpoint: z.string().optional(),
  code: z.enum(errorCodes).optional(),
  since: time.optional(),
  until: time.optional(),
  after: z.string().regex(/^\d+$/, 'must be the id of a dead letter').optional(),
  limit: z.coerce.number().int().min(1).max(maxLimit).default(usualLimit),
  all: flag.default(false),
  all_targets: flag.default(false),
});

interface Asked {
  readonly filter: DeadLetterFilter;
  readonly page: DeadLetterPage;
  /** All letters are meant where there is no filter. */
  readonly all: boolean;
  readonly allTargets: boolean;
}

class BadRequest extends Error {}

function asked(context: Context): Asked {
  const { data, error } = query.safeParse(context.req.query());
  if (!data) {
    const [issue] = error.issues;
    throw new BadRequest(
      issue!.path.length > 0 ? `${issue!.path.join('.')}: ${issue!.message}` : issue!.message,
    );
  }
  const { after, limit, all, all_targets: allTargets, ...filter } = data;
  return {
    filter: Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined)),
    page: { limit, ...(after !== undefined && { after }) },
    all,
    allTargets,
  };
}

/** What is asked of many at once: not of all by mistake. */
function askedOfMany(context: Context): Asked {
  const request = asked(context);
  if (!request.all && Object.keys(request.filter).length === 0)
    throw new BadRequest(
      'name a filter (route, endpoint, code, since, until), or all=true for all dead letters',
    );
  return request;
}

/**
 * `/dead-letters`: lists, shows, sends again and drops what is in the store.
 * @param current those that do it; undefined for as long as nothing needs the store
 */
export function deadLetterRoutes(current: () => DeadLetters | undefined): Hono {
  const desk = (): DeadLetters => current()!;
  const app = new Hono();
  app.onError((error, context) => {
    if (error instanceof BadRequest) return context.json({ error: error.message }, 400);
    const { code, message, retryable } = JunctionError.from(error);
    return context.json({ error: message, code }, retryable ? 503 : 500);
  });
  app.use(async (context, next) => {
    if (!current())
      return context.json({ error: 'no route keeps dead letters in the store, so it is not open' }, 404);
    await next();
    return undefined;
  });
  app.get('/', async (context) => {
    const { filter, page } = asked(context);
    const letters = await desk().list(filter, page);
    const next = letters.length < page.limit ? {} : { next: letters.at(-1)!.id };
    return context.json({ letters: letters.map(summaryView), ...next });
  });
  app.get('/:id', async (context) => {
    const letter = await desk().get(context.req.param('id'));
    return letter ? context.json(letterView(letter)) : missing(context);
  });
  app.post('/replay', async (context) => {
    const { filter, page, allTargets } = askedOfMany(context);
    return context.json(await desk().replayAll(filter, page, allTargets));
  });
  app.post('/:id/replay', async (context) => {
    const result = await desk().replay(context.req.param('id'), asked(context).allTargets);
    if (result.state === 'missing') return missing(context);
    if (result.state !== 'failed') return context.json(result);
    const { reason, ...rest } = result;
    return context.json({ ...rest, error: reason }, result.retryable ? 503 : 409);
  });
  app.delete('/', async (context) => {
    const { filter, page } = askedOfMany(context);
    return context.json(await desk().dropAll(filter, page));
  });
  app.delete('/:id', async (context) =>
    (await desk().drop(context.req.param('id'))) ? context.body(null, 204) : missing(context),
  );
  return app;
}

const missing = (context: Context) =>
  context.json({ error: `there is no dead letter ${context.req.param('id')}` }, 404);
