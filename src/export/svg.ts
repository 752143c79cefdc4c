import {
  layOut,
  sizes,
  type PlacedEdge,
  type PlacedEndpoint,
  type PlacedGroup,
  type PlacedRoute,
} from './layout.ts';
import type { EdgeKind, Picture } from './picture.ts';

const colours = {
  ground: '#ffffff',
  ink: '#1f2933',
  faint: '#616e7c',
  frame: '#9aa5b1',
  group: '#f5f7fa',
  listener: '#2f6f8f',
  client: '#6b4f8a',
  route: '#ffffff',
  accent: '#c05621',
} as const;

/** Of each kind of line: colour, and how it is broken. */
const strokes: Readonly<Record<EdgeKind, readonly [colour: string, dashes: string]>> = {
  all: [colours.faint, ''],
  some: [colours.accent, ''],
  any: ['#2b6cb0', ''],
  failover: ['#2b6cb0', '8 3'],
  mirror: [colours.frame, '4 4'],
  dead: ['#9b2c2c', '2 4'],
};
const meanings: Readonly<Record<EdgeKind, string>> = {
  all: 'every message',
  some: 'under a condition',
  any: 'any of several',
  failover: 'failover',
  mirror: 'mirror',
  dead: 'dead letters',
};

const mono = 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace';
const sans = 'system-ui, "Segoe UI", "DejaVu Sans", sans-serif';

/** The picture as an SVG, for web pages and documents. Texts that are cut stand in full in their titles. */
export function toSvg(picture: Picture): string {
  const { width, height, sources, groups, targets, edges } = layOut(picture);
  const kinds = [...new Set(edges.flatMap(({ target }) => target?.kind ?? []))];
  const total = height + (kinds.length > 0 ? legendHeight : 0);
  const routes = groups.reduce((sum, group) => sum + group.routes.length, 0);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${total}" viewBox="0 0 ${width} ${total}" role="img" font-family="${attribute(sans)}">`,
    `<title>Routes of Junction</title>`,
    `<desc>${routes} routes from ${sources.length} endpoints to ${targets.length}</desc>`,
    ...kinds.map((kind) => arrowHead(kind)),
    arrowHead('all', 'in'),
    `<rect width="${width}" height="${total}" fill="${colours.ground}"/>`,
    ...groups.map(frameOf),
    ...edges.map(edgeOf),
    ...[...sources, ...targets].map(endpointOf),
    ...groups.flatMap((group) => group.routes.map(routeOf)),
    ...legendOf(kinds, height),
    '</svg>',
    '',
  ].join('\n');
}

const arrowHead = (kind: EdgeKind, name: string = kind): string =>
  `<marker id="to-${name}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${strokes[kind][0]}"/></marker>`;

const frameOf = ({ owner, x, y, width, height }: PlacedGroup): string =>
  [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="10" fill="${colours.group}" stroke="${colours.frame}"/>`,
    text(owner ?? 'without owner', x + sizes.pad + 2, y + 18, {
      size: 12,
      fill: colours.faint,
      weight: 600,
      width,
    }),
  ].join('');

function edgeOf({ from, to, target }: PlacedEdge): string {
  const [colour, dashes] = strokes[target?.kind ?? 'all'];
  const bend = (to[0] - from[0]) / 2;
  const path = `M${from[0]} ${from[1]}C${from[0] + bend} ${from[1]} ${to[0] - bend} ${to[1]} ${to[0]} ${to[1]}`;
  const title = target?.note === undefined ? '' : `<title>${content(target.note)}</title>`;
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="1.5"${dashes === '' ? '' : ` stroke-dasharray="${dashes}"`} marker-end="url(#to-${target?.kind ?? 'in'})">${title}</path>`;
}

function endpointOf({ endpoint, rows, x, y, width, height }: PlacedEndpoint): string {
  const colour = endpoint.role === 'listener' ? colours.listener : colours.client;
  const { head, pad, row } = sizes;
  const kind = `${endpoint.protocol} ${endpoint.role === 'listener' ? 'listener' : 'broker'}`;
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" fill="${colours.ground}" stroke="${colour}" stroke-width="1.5"/>`,
    `<path d="M${x} ${y + head - 6}v-${head - 12}a6 6 0 0 1 6 -6h${width - 12}a6 6 0 0 1 6 6v${head - 12}z" fill="${colour}"/>`,
    text(endpoint.name, x + pad, y + 22, {
      size: 14,
      fill: '#ffffff',
      weight: 600,
      width: width - 2 * pad - 110,
    }),
    text(kind, x + width - pad, y + 22, { size: 11, fill: '#ffffff', width: 110, anchor: 'end' }),
    ...rows.map(({ address, y: middle }) =>
      text(address, x + pad, middle + row / 5, {
        size: 12,
        fill: colours.ink,
        width: width - 2 * pad,
        code: true,
      }),
    ),
  ].join('');
}

function routeOf({ route, x, y, width, height }: PlacedRoute): string {
  const { pad, line } = sizes;
  const inner = width - 2 * pad;
  const notes = [
    ...(route.description === undefined ? [] : [{ note: route.description, code: false }]),
    ...(route.when === undefined ? [] : [{ note: `when ${route.when}`, code: true }]),
  ];
  return [
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="6" fill="${colours.route}" stroke="${colours.frame}"/>`,
    text(route.name, x + pad, y + line + 1, { size: 13, fill: colours.ink, weight: 600, width: inner }),
    ...notes.map(({ note, code }, n) =>
      text(note, x + pad, y + (n + 2) * line, { size: 11, fill: colours.faint, width: inner, code }),
    ),
  ].join('');
}

const legendHeight = 34;

function legendOf(kinds: readonly EdgeKind[], y: number): string[] {
  return kinds.map((kind, n) => {
    const [colour, dashes] = strokes[kind];
    const x = sizes.margin + n * 165;
    return `<path d="M${x} ${y + 8}h32" stroke="${colour}" stroke-width="1.5"${dashes === '' ? '' : ` stroke-dasharray="${dashes}"`}/>${text(meanings[kind], x + 40, y + 12, { size: 11, fill: colours.faint, width: 120 })}`;
  });
}

interface Style {
  readonly size: number;
  readonly fill: string;
  readonly width: number;
  readonly weight?: number;
  readonly code?: boolean;
  readonly anchor?: 'end';
}

/** A text on one line, cut to its width, which is reckoned from the widths that characters mostly have. */
function text(words: string, x: number, y: number, style: Style): string {
  const { size, fill, width, weight, code, anchor } = style;
  const fits = Math.max(4, Math.floor(width / (size * (code ? 0.61 : 0.56))));
  const characters = [...words];
  const cut = characters.length > fits;
  const shown = cut ? `${characters.slice(0, fits - 1).join('')}…` : words;
  return [
    `<text x="${x}" y="${y}" font-size="${size}" fill="${fill}"`,
    weight === undefined ? '' : ` font-weight="${weight}"`,
    code ? ` font-family="${attribute(mono)}"` : '',
    anchor === undefined ? '' : ` text-anchor="${anchor}"`,
    `>${content(shown)}${cut ? `<title>${content(words)}</title>` : ''}</text>`,
  ].join('');
}

const content = (words: string): string =>
  // XML has no place for these, not even as references (XML 1.0 §2.2)
  words
    .replace(
      /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g,
      '\ufffd',
    )
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');

const attribute = (words: string): string => content(words).replaceAll('"', '&quot;');
