import type { LetterView, SummaryView } from '../admin/dead-letter-view.ts';
import { JunctionError } from '../core/errors.ts';
import { plain } from '../core/plain-text.ts';
import { duration } from '../core/units.ts';
import { AdminClient, type AdminOptions } from './admin-client.ts';
import { letterTable, letterText } from './dlq-text.ts';

/** Which dead letters are meant; times are ISO 8601 or a duration before now, such as `2h`. */
export interface Filter {
  readonly route?: string;
  readonly endpoint?: string;
  readonly code?: string;
  readonly since?: string;
  readonly until?: string;
}

interface Many extends AdminOptions, Filter {
  readonly all?: boolean;
  readonly json?: boolean;
}

const path = '/dead-letters';
const pathOf = (id: string): string => `${path}/${encodeURIComponent(id)}`;

/** `junction dlq list`: what is in the store, oldest first. */
export async function list(
  options: AdminOptions & Filter & { limit: string; json?: boolean },
): Promise<void> {
  const client = await AdminClient.of(options);
  const limit = wholeNumber(options.limit);
  const letters: SummaryView[] = [];
  let next: string | undefined;
  do {
    const query = queryOf(options, { limit: String(Math.min(1000, limit - letters.length)), after: next });
    const answer = await client.request<{ letters: SummaryView[]; next?: string }>('GET', path, query);
    letters.push(...answer.letters);
    next = answer.next;
  } while (next !== undefined && letters.length < limit);
  if (options.json) return print(JSON.stringify(letters, undefined, 2));
  print(letters.length === 0 ? 'no dead letters' : letterTable(letters));
  if (next !== undefined) print(`there are more; --limit ${limit * 10} shows them`);
}

/** `junction dlq show`: one letter whole. */
export async function show(id: string, options: AdminOptions & { json?: boolean }): Promise<void> {
  const client = await AdminClient.of(options);
  const letter = await client.request<LetterView>('GET', pathOf(id));
  print(options.json ? JSON.stringify(letter, undefined, 2) : letterText(letter));
}

/**
 * `junction dlq replay`: sends messages through their routes again; a letter is removed once its target has confirmed.
 * @throws JunctionError where any could not be delivered
 */
export async function replay(
  ids: readonly string[],
  options: Many & { allTargets?: boolean },
): Promise<void> {
  const client = await AdminClient.of(options);
  const extra = { all_targets: options.allTargets ? 'true' : undefined };
  let replayed = 0;
  const failed: { id: string; reason: string }[] = [];
  let stopped: string | undefined;
  if (someOf(ids, options)) {
    for (const id of ids)
      await client.request('POST', `${pathOf(id)}/replay`, queryOf({}, extra)).then(
        () => replayed++,
        (error: JunctionError) => failed.push({ id, reason: error.message }),
      );
  } else {
    let after: string | undefined;
    do {
      const query = queryOf(options, { ...extra, all: options.all ? 'true' : undefined, after });
      const answer = await client.request<Bulk>('POST', `${path}/replay`, query);
      replayed += answer.replayed;
      failed.push(...answer.failed);
      ({ next: after, stopped } = answer);
    } while (after !== undefined && stopped === undefined);
  }
  if (options.json) print(JSON.stringify({ replayed, failed, stopped }, undefined, 2));
  else {
    for (const { id, reason } of failed) print(`${id} is still there: ${plain(reason)}`);
    print(`replayed ${counted(replayed)}`);
    if (stopped !== undefined) print('the rest was not tried, since the target is away');
  }
  if (failed.length > 0)
    throw new JunctionError('refused', `${counted(failed.length)} could not be delivered`);
}

interface Bulk {
  readonly replayed: number;
  readonly failed: { readonly id: string; readonly reason: string }[];
  readonly stopped?: string;
  readonly next?: string;
}

/** `junction dlq drop`: removes letters for ever. */
export async function drop(ids: readonly string[], options: Many): Promise<void> {
  const client = await AdminClient.of(options);
  let dropped = 0;
  if (someOf(ids, options)) {
    for (const id of ids) {
      await client.request('DELETE', pathOf(id));
      dropped++;
    }
  } else {
    let after: string | undefined;
    do {
      const query = queryOf(options, { all: options.all ? 'true' : undefined, after });
      const answer = await client.request<{ dropped: number; next?: string }>('DELETE', path, query);
      dropped += answer.dropped;
      after = answer.next;
    } while (after !== undefined);
  }
  print(options.json ? JSON.stringify({ dropped }) : `dropped ${counted(dropped)}`);
}

/** Whether ids are named, rather than a filter or all. */
function someOf(ids: readonly string[], options: Many): boolean {
  const filtered = filterNames.some((name) => options[name] !== undefined) || options.all === true;
  if (ids.length > 0 && filtered) throw new JunctionError('refused', 'name either ids or a filter, not both');
  if (ids.length === 0 && !filtered)
    throw new JunctionError(
      'refused',
      'name ids, a filter (--route, --endpoint, --code, --since, --until), or --all',
    );
  return ids.length > 0;
}

const filterNames = ['route', 'endpoint', 'code', 'since', 'until'] as const;

function queryOf(filter: Filter, extra: Readonly<Record<string, string | undefined>>): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of filterNames) {
    const value = filter[name];
    if (value === undefined) continue;
    query.set(name, name === 'since' || name === 'until' ? timeOf(value, name) : value);
  }
  for (const [name, value] of Object.entries(extra)) if (value !== undefined) query.set(name, value);
  return query;
}

/** A time as the gateway wants it. */
function timeOf(written: string, option: string): string {
  const ago = duration().safeParse(written);
  const ms = ago.success ? Date.now() - ago.data : Date.parse(written);
  if (Number.isNaN(ms))
    throw new JunctionError(
      'refused',
      `--${option} ${written}: write a time such as 2026-01-31T12:00Z, or how long ago, such as 2h`,
    );
  return new Date(ms).toISOString();
}

function wholeNumber(written: string): number {
  if (!/^[1-9]\d{0,8}$/.test(written))
    throw new JunctionError('refused', `--limit ${written}: write a number from 1`);
  return Number(written);
}

const counted = (count: number): string => `${count} dead letter${count === 1 ? '' : 's'}`;
const print = (text: string): void => void process.stdout.write(`${text}\n`);
