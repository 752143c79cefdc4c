import type { Cell } from './matrix.ts';
import type { Traits } from '../../src/core/protocol.ts';
import type { System } from './system.ts';
import type { WholeCell } from './whole.ts';

/** What stands in a cell of the table. */
export const verdict = ({ declared, wrong }: Cell): string =>
  wrong.length > 0 ? '✗' : declared.length > 0 ? `✓ but ${declared.join(', ')}` : '✓';

/** `docs/interop.md`: sources down, targets across. */
export function interopPage(
  systems: readonly System[],
  cells: readonly Cell[],
  whole: readonly WholeCell[],
): string {
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
      '## Whole messages',
      'A hundred messages of AMQP 1.0 with any headers of any type, bodies of every kind (also none, and of 900 kB), ' +
        'identifiers of all four types, times, keys and priorities go to each broker and come back. They are compared, ' +
        'field by field, with what the traits of its protocol declare: nothing else is lost.',
      [
        row(['broker', 'comes back', 'but for']),
        row(['---', '---', '---']),
        ...whole.map(({ system, wrong }) =>
          row([`**${system.name}**`, wrong.length > 0 ? '✗' : '✓', declaredOf(system.traits)]),
        ),
      ].join('\n'),
      systems.map(({ name, title }) => `- **${name}**: ${title}`).join('\n'),
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  );
}

function declaredOf({ loses, narrows = {}, supplies = [], headerOrder, repeatedHeaders }: Traits): string {
  const fields = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  const parts = [
    ...(loses.length > 0 ? [`${fields(loses)} (lost)`] : []),
    ...(Object.keys(narrows).length > 0
      ? [`${fields(Object.keys(narrows))} (rounded, or within bounds)`]
      : []),
    ...(supplies.length > 0 ? [`${fields(supplies)} (supplied where not said)`] : []),
    ...(repeatedHeaders ? [] : ['repeats of a header']),
    ...(headerOrder === 'lost' ? ['the order of headers'] : []),
  ];
  return parts.join('; ');
}
