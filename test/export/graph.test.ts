import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { layOut, type Box } from '../../src/export/layout.ts';
import { toMermaid } from '../../src/export/mermaid.ts';
import { pictureOf, type Picture, type PictureEndpoint } from '../../src/export/picture.ts';
import { toSvg } from '../../src/export/svg.ts';
import { protocols } from '../../src/protocols/index.ts';
import { load } from '../config/support.ts';
import { runCommand } from '../e2e/gateway.ts';

const files = {
  'junction.yaml': `endpoints:
  shop: { type: mqtt, listen: ":1883" }
  office: { type: amqp, listen: ":5672" }
  k: { type: kafka, brokers: ["k1:9092"] }
routes: [r.yaml]
`,
  'r.yaml': `routes:
  - name: a
    owner: Sales & "Co" <b>
    description: What's said at "{shop}" & <more>
    from: { endpoint: shop, address: "+/{x}" }
    when: "size > 5"
    dead_letter: { endpoint: office, address: dead }
    to: [{ endpoint: k, address: "t.{x}" }, { endpoint: office, address: copy, mirror: 10% }]
  - { name: b, from: { endpoint: shop, address: "#" }, to: [{ failover: [{ endpoint: office, address: b }, { endpoint: k, address: b }] }] }
  - { name: c, owner: hr, from: { endpoint: office, address: in }, to: [{ switch: [{ when: "n = 1", to: [{ endpoint: k, address: c }] }, { to: [{ endpoint: shop, address: c }] }] }] }
`,
};
const picture = async (): Promise<Picture> => pictureOf(await load(files, { protocols }));

/** Reads an XML text; fails where it is not well-formed. Gives the elements' names, and the texts that are shown. */
function readXml(xml: string): { elements: string[]; texts: string[] } {
  const open: string[] = [];
  const elements: string[] = [];
  const texts: string[] = [];
  const tokens = /<(\/?)([a-zA-Z]+)((?: [a-zA-Z-]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  let at = 0;
  for (const [token, closing, name, attributes, alone, text] of xml.matchAll(tokens)) {
    at += token.length;
    assert.doesNotMatch(`${attributes ?? ''}${text ?? ''}`, /&(?!(?:amp|lt|gt|quot);)/, token);
    assert.doesNotMatch(token, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
    if (text !== undefined) {
      if (text.trim() !== '') texts.push(text);
    } else if (closing) assert.equal(open.pop(), name);
    else {
      elements.push(name!);
      if (!alone) open.push(name!);
    }
  }
  assert.equal(at, xml.length, `not XML: ${xml.slice(at, at + 80)}`);
  assert.deepEqual(open, []);
  return { elements, texts };
}

describe('a picture of the routes', () => {
  it('has the routes by owner, and every line of them', async () => {
    const { groups, sources, targets } = await picture();
    assert.deepEqual(
      groups.map(({ owner, routes }) => [owner, routes.map(({ name }) => name)]),
      [
        ['Sales & "Co" <b>', ['a']],
        ['hr', ['c']],
        [undefined, ['b']],
      ],
    );
    assert.deepEqual(
      groups.flatMap(({ routes }) =>
        routes.flatMap((route) =>
          route.targets.map(({ endpoint, address, kind, note }) => [endpoint, address, kind, note]),
        ),
      ),
      [
        ['k', 't.{x}', 'all', undefined],
        ['office', 'copy', 'mirror', 'mirror of 10%'],
        ['office', 'dead', 'dead', 'dead letters'],
        ['k', 'c', 'some', 'when n = 1'],
        ['shop', 'c', 'some', 'when NOT (n = 1)'],
        ['office', 'b', 'failover', 'failover'],
        ['k', 'b', 'failover', 'failover'],
      ],
    );
    const shown = (endpoints: readonly PictureEndpoint[]) =>
      endpoints.map(({ name, addresses }) => [name, addresses]);
    assert.deepEqual(shown(sources), [
      ['shop', ['+/{x}', '#']],
      ['office', ['in']],
    ]);
    assert.deepEqual(shown(targets), [
      ['k', ['t.{x}', 'c', 'b']],
      ['office', ['copy', 'dead', 'b']],
      ['shop', ['c']],
    ]);
  });

  it('is laid out so that nothing lies on anything else, and lines meet what they join', async () => {
    const { width, height, sources, groups, targets, edges } = layOut(await picture());
    const routes = groups.flatMap((group) => group.routes);
    const apart = (boxes: readonly Box[]): void =>
      boxes.forEach((one, n) =>
        boxes.slice(n + 1).forEach((other) => {
          assert.ok(
            one.x + one.width <= other.x ||
              other.x + other.width <= one.x ||
              one.y + one.height <= other.y ||
              other.y + other.height <= one.y,
          );
        }),
      );
    apart([...sources, ...groups, ...targets]);
    apart(routes);
    for (const { x, y, width: wide, height: high } of [...sources, ...groups, ...targets])
      assert.ok(x >= 0 && y >= 0 && x + wide <= width && y + high <= height);
    const touches = ([x, y]: readonly [number, number], boxes: readonly Box[]): boolean =>
      boxes.some((box) => (x === box.x || x === box.x + box.width) && y > box.y && y < box.y + box.height);
    assert.equal(edges.length, 3 + 7);
    for (const { from, to, target } of edges) {
      assert.ok(touches(from, target ? routes : sources));
      assert.ok(touches(to, target ? targets : routes));
    }
  });
});

const unusual = fc.string({ unit: 'binary', maxLength: 60 });
const drawn = (owner: string, words: string): Picture => {
  const end = { endpoint: 'e', address: words };
  const endpoint = { name: 'e', protocol: 'mqtt', role: 'listener', addresses: [words] } as const;
  return {
    sources: [endpoint],
    groups: [
      {
        owner,
        routes: [
          {
            name: 'r',
            description: words,
            when: words,
            source: end,
            targets: [{ ...end, kind: 'some', note: words }],
          },
        ],
      },
    ],
    targets: [endpoint],
  };
};

describe('junction graph', () => {
  it('--svg is well-formed whatever it shows, and has every route and address', async () => {
    const { elements, texts } = readXml(toSvg(await picture()));
    for (const text of [
      'a',
      'b',
      'c',
      'Sales &amp; "Co" &lt;b&gt;',
      'hr',
      'without owner',
      '+/{x}',
      't.{x}',
      'copy',
      'dead',
      'when size &gt; 5',
      'failover',
      'mirror',
    ])
      assert.ok(texts.includes(text), text);
    assert.equal(elements.filter((name) => name === 'path').length >= 10, true);
    fc.assert(
      fc.property(unusual, unusual, (owner, words) => void readXml(toSvg(drawn(owner, words)))),
      { numRuns: 300, seed: 1 },
    );
  });

  it('writes Mermaid whose labels hold nothing but text', async () => {
    const own = toMermaid(await picture());
    assert.match(own, /^flowchart LR\n/);
    assert.match(
      own,
      /subgraph g0\["Sales #38; #34;Co#34; #60;b#62;"\]\n {4}r0\(\["a<br\/>What#39;s said at #34;\{shop\}#34; #38; #60;more#62;<br\/>when size #62; 5"\]\)\n {2}end/,
    );
    assert.match(own, /s0 -- "#35;" --> r2\n {2}r2 -->\|"b<br\/>failover"\| t1/);
    fc.assert(
      fc.property(unusual, (words) => {
        const labels = [...toMermaid(drawn('o', words)).matchAll(/"([^"]*)"/g)].map(([, label]) => label!);
        assert.equal(labels.length, 3 + 1 + 2);
        const decoded = (label: string): string =>
          label
            .replaceAll('<br/>', '\0')
            .replace(/#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
        assert.equal(decoded(labels[4]!), words);
        assert.equal(decoded(labels[5]!), `${words}\0${words}`);
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  it('writes what ships, to standard output and to a file', async () => {
    const run = (...args: string[]) =>
      runCommand(process.execPath, ['--import', 'tsx', 'src/main.ts', ...args, '-c', 'config/compose.yaml']);
    const [mermaid, svg] = await Promise.all([run('graph'), run('graph', '--svg')]);
    assert.deepEqual([mermaid.code, svg.code], [0, 0], mermaid.stderr + svg.stderr);
    assert.match(mermaid.stdout, /"order-placed<br\/>/);
    assert.ok(readXml(svg.stdout).texts.includes('order-placed'));
  });
});

it('junction schema prints what config/schema holds', async () => {
  const { code, stdout } = await runCommand(process.execPath, [
    '--import',
    'tsx',
    'src/main.ts',
    'schema',
    'routes',
  ]);
  assert.equal(code, 0);
  assert.equal((parse(stdout) as { title: string }).title, 'Junction: a route file');
});
