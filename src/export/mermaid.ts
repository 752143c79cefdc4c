import type { EdgeKind, Picture, PictureEndpoint, PictureRoute } from './picture.ts';

const arrows: Readonly<Record<EdgeKind, string>> = {
  all: '-->',
  some: '-->',
  any: '-->',
  failover: '-->',
  mirror: '-.->',
  dead: '-.->',
};

/** The picture as a flowchart of Mermaid, as GitHub and others show it within Markdown. */
export function toMermaid({ sources, groups, targets }: Picture): string {
  const lines = ['flowchart LR'];
  const sourceIds = identified(sources, 's', lines);
  const routes = new Map<PictureRoute, string>();
  groups.forEach(({ owner, routes: own }, index) => {
    lines.push(`  subgraph g${index}["${owner === undefined ? 'without owner' : escaped(owner)}"]`);
    for (const route of own) {
      const id = `r${routes.size}`;
      routes.set(route, id);
      const notes = [route.description, route.when && `when ${route.when}`].flatMap((note) => note ?? []);
      lines.push(`    ${id}(["${[route.name, ...notes].map(escaped).join('<br/>')}"])`);
    }
    lines.push('  end');
  });
  const targetIds = identified(targets, 't', lines);
  for (const [{ source, targets: to }, id] of routes) {
    lines.push(`  ${sourceIds.get(source.endpoint)!} -- "${escaped(source.address)}" --> ${id}`);
    for (const { endpoint, address, kind, note } of to) {
      const label = [address, ...(note === undefined ? [] : [note])].map(escaped).join('<br/>');
      lines.push(`  ${id} ${arrows[kind]}|"${label}"| ${targetIds.get(endpoint)!}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function identified(
  endpoints: readonly PictureEndpoint[],
  letter: string,
  lines: string[],
): Map<string, string> {
  const ids = new Map<string, string>();
  for (const { name, protocol, role } of endpoints) {
    const id = `${letter}${ids.size}`;
    ids.set(name, id);
    const [open, close] = role === 'listener' ? ['["', '"]'] : ['[("', '")]'];
    lines.push(
      `  ${id}${open}${escaped(name)}<br/>${escaped(protocol)} ${role === 'listener' ? 'listener' : 'broker'}${close}`,
    );
  }
  return ids;
}

/** Within quotes `#` begins a code, and a backquote, `_` or `*` may be taken for Markdown. */
const escaped = (text: string): string =>
  text.replace(/[#&<>"'`\\*_|~]/g, (char) => `#${char.charCodeAt(0)};`);
