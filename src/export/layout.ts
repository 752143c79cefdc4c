import type { Picture, PictureEndpoint, PictureRoute, PictureTarget } from './picture.ts';

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface PlacedEndpoint extends Box {
  readonly endpoint: PictureEndpoint;
  readonly rows: readonly { readonly address: string; readonly y: number }[];
}

export interface PlacedRoute extends Box {
  readonly route: PictureRoute;
}

export interface PlacedGroup extends Box {
  readonly owner: string | undefined;
  readonly routes: readonly PlacedRoute[];
}

export interface PlacedEdge {
  readonly from: readonly [x: number, y: number];
  readonly to: readonly [x: number, y: number];
  /** Undefined: from a source to its route. */
  readonly target: PictureTarget | undefined;
}

/** Three columns, endpoints that are read, routes by owner, endpoints that are sent to; in px. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  readonly sources: readonly PlacedEndpoint[];
  readonly groups: readonly PlacedGroup[];
  readonly targets: readonly PlacedEndpoint[];
  readonly edges: readonly PlacedEdge[];
}

export const sizes = {
  column: 300,
  between: 150,
  margin: 24,
  head: 40,
  row: 22,
  pad: 10,
  gap: 22,
  line: 17,
  title: 26,
} as const;

export const linesOf = ({ description, when }: PictureRoute): number =>
  1 + Number(description !== undefined) + Number(when !== undefined);

export function layOut(picture: Picture): Layout {
  const { column, between, margin } = sizes;
  const [left, middle, right] = [0, 1, 2].map((n) => margin + n * (column + between)) as [
    number,
    number,
    number,
  ];
  const groups = stackGroups(picture, middle);
  const routes = groups.flatMap((group) => group.routes);
  const center = (place: Box): number => place.y + place.height / 2;
  const sources = stackEndpoints(picture.sources, left, (endpoint, address) =>
    routes
      .filter(({ route: { source } }) => source.endpoint === endpoint && source.address === address)
      .map(center),
  );
  const targets = stackEndpoints(picture.targets, right, (endpoint, address) =>
    routes
      .filter(({ route }) => route.targets.some((to) => to.endpoint === endpoint && to.address === address))
      .map(center),
  );
  const bottom = (places: readonly Box[]): number =>
    Math.max(0, ...places.map(({ y, height }) => y + height));
  const height = Math.max(bottom(sources), bottom(groups), bottom(targets)) + margin;
  const spread = [sources, groups, targets].map((places) => (height - margin - bottom(places)) / 2) as [
    number,
    number,
    number,
  ];
  const placed = {
    sources: sources.map((each) => moved(each, spread[0])),
    groups: groups.map((each) => ({
      ...moved(each, spread[1]),
      routes: each.routes.map((route) => moved(route, spread[1])),
    })),
    targets: targets.map((each) => moved(each, spread[2])),
  };
  return { width: right + column + margin, height, ...placed, edges: edgesOf(placed) };
}

function moved<Place extends Box & { readonly rows?: PlacedEndpoint['rows'] }>(
  place: Place,
  by: number,
): Place {
  const rows = place.rows?.map((row) => ({ ...row, y: row.y + by }));
  return { ...place, y: place.y + by, ...(rows && { rows }) };
}

function stackGroups({ groups }: Picture, x: number): PlacedGroup[] {
  const { column, margin, pad, gap, line, title } = sizes;
  let y: number = margin;
  return groups.map(({ owner, routes }) => {
    const top = y;
    y += title;
    const placed = routes.map((route): PlacedRoute => {
      const height = linesOf(route) * line + pad;
      const at = { route, x: x + pad, y, width: column - 2 * pad, height };
      y += height + pad;
      return at;
    });
    const group = { owner, routes: placed, x, y: top, width: column, height: y - top };
    y += gap;
    return group;
  });
}

/**
 * Endpoints and their addresses in the order of the routes that they belong to, so that few lines cross.
 * @param partners the heights of the routes of an address
 */
function stackEndpoints(
  endpoints: readonly PictureEndpoint[],
  x: number,
  partners: (endpoint: string, address: string) => readonly number[],
): PlacedEndpoint[] {
  const { column, margin, head, row, gap, pad } = sizes;
  const mean = (numbers: readonly number[]): number =>
    numbers.reduce((sum, each) => sum + each, 0) / Math.max(1, numbers.length);
  const ranked = endpoints.map((endpoint) => {
    const addresses = endpoint.addresses
      .map((address) => ({ address, rank: mean(partners(endpoint.name, address)) }))
      .sort((a, b) => a.rank - b.rank);
    return { endpoint, addresses, rank: mean(addresses.map(({ rank }) => rank)) };
  });
  let y: number = margin;
  return ranked
    .sort((a, b) => a.rank - b.rank)
    .map(({ endpoint, addresses }) => {
      const height = head + addresses.length * row + pad;
      const rows = addresses.map(({ address }, n) => ({ address, y: y + head + n * row + row / 2 }));
      const placed = { endpoint, rows, x, y, width: column, height };
      y += height + gap;
      return placed;
    });
}

function edgesOf({ sources, groups, targets }: Pick<Layout, 'sources' | 'groups' | 'targets'>): PlacedEdge[] {
  const row = (
    places: readonly PlacedEndpoint[],
    end: { endpoint: string; address: string },
    side: 0 | 1,
  ) => {
    const place = places.find(({ endpoint }) => endpoint.name === end.endpoint)!;
    return [
      place.x + side * place.width,
      place.rows.find(({ address }) => address === end.address)!.y,
    ] as const;
  };
  return groups
    .flatMap((group) => group.routes)
    .flatMap(({ route, x, y, width, height }) => [
      { from: row(sources, route.source, 1), to: [x, y + height / 2] as const, target: undefined },
      ...route.targets
        .map((target) => ({ target, to: row(targets, target, 0) }))
        // in the order of where they go, so that lines of one route do not cross
        .sort((one, other) => one.to[1] - other.to[1])
        .map(({ target, to }, n) => {
          const out = y + ((n + 1) * height) / (route.targets.length + 1);
          return { from: [x + width, out] as const, to, target };
        }),
    ]);
}
