import type { LetterView, SummaryView } from '../admin/dead-letter-view.ts';
import { plain } from '../core/plain-text.ts';

const longestReason = 80;

/** One line a letter, in columns. */
export function letterTable(letters: readonly SummaryView[]): string {
  const rows = letters.map((letter) => [
    letter.id,
    letter.lastAt.replace(/\.\d+Z$/, 'Z'),
    letter.route ?? '-',
    targetOf(letter) ?? '-',
    letter.code,
    String(letter.attempts),
    String(letter.bytes),
    shortened(plain(letter.reason)),
  ]);
  rows.unshift(['ID', 'LAST TRIED', 'ROUTE', 'TARGET', 'CODE', 'TRIED', 'BYTES', 'REASON']);
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const targetOf = ({ endpoint, address }: Pick<SummaryView, 'endpoint' | 'address'>): string | undefined =>
  endpoint === undefined ? undefined : `${endpoint} ${plain(address ?? '')}`;

const shortened = (text: string): string =>
  text.length <= longestReason ? text : `${text.slice(0, longestReason - 1)}…`;

/** A letter whole, for people: what became of it, then the message. */
export function letterText({ message, ...letter }: LetterView): string {
  const { headers, body, ...fields } = message;
  const lines = [
    ['id', letter.id],
    ['route', letter.route ?? 'none: it was in a queue of its endpoint'],
    ['from', `${letter.source} ${message.address}`],
    ['target', targetOf(letter) ?? 'none: it failed for the route as a whole'],
    ['code', letter.code],
    ['reason', letter.reason],
    ['tried', `${letter.attempts} times, first ${letter.firstAt}, last ${letter.lastAt}`],
    ...Object.entries(fields).map(([name, value]) => [`message.${name}`, shown(value)]),
    ...headers.map(({ name, type, value }) => [`header ${name}`, `${shown(value)} (${type})`]),
  ].map(([name, value]) => `${plain(name!).padEnd(22)}${plain(value!)}`);
  if (body === null) return [...lines, 'no body'].join('\n');
  const text = 'text' in body ? body.text.split('\n').map(plain).join('\n') : body.base64;
  return [...lines, `body, ${letter.bytes} bytes${'text' in body ? '' : ' in base64'}:`, text].join('\n');
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));
