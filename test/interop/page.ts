import type { Cell } from './matrix.ts';
import type { System } from './system.ts';

/** What stands in a cell of the table. */
export const verdict = ({ declared, wrong }: Cell): string =>
  wrong.length > 0 ? '✗' : declared.length > 0 ? `✓ but ${declared.join(', ')}` : '✓';

/** `docs/interop.md`: sources down, targets across. */
export function interopPage(systems: readonly System[], cells: readonly Cell[]): string {
  const cell = (source: System, target: System): string =>
    verdict(cells.find((each) => each.source === source && each.target === target)!);
  const row = (words: readonly string[]): string => `| ${words.join(' | ')} |`;
  return (
    [
      '# Which protocol reaches which, and what arrives',
      'Made by `npm run interop`: real clients and brokers on both sides of one gateway, every source (down) to every ' +
        'target (across). Each cell carries messages whose body holds every byte value, an empty body, headers with ' +
        'accents, punctuation, line breaks and an empty value, content type, correlation id and reply address, repeated ' +
        'headers, and twenty in order. `npm run interop` fails when a cell loses what it does not declare, or differs ' +
        'from this page.',
      [
        row(['from \\ to', ...systems.map(({ name }) => name)]),
        row(['---', ...systems.map(() => '---')]),
        ...systems.map((source) =>
          row([`**${source.name}**`, ...systems.map((target) => cell(source, target))]),
        ),
      ].join('\n'),
      '✓ everything arrives as it was sent. ✓ but: what the target cannot hold, as its traits declare: *repeats*, of ' +
        'several headers of one name the first; *line breaks* and other control characters in a header come in an encoded form, which Junction restores; *order*, ' +
        'messages without a key may overtake each other.',
      systems.map(({ name, title }) => `- **${name}**: ${title}`).join('\n'),
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  );
}
