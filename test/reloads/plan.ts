/** What the configuration of a moment says; every field is drawn anew now and then. */
export interface Plan {
  /** One route for all keys, or one for each. */
  readonly split: boolean;
  /** Part of the routes' names. */
  readonly name: number;
  /** Whether a second listener is there, and its window, by which it is changed. */
  readonly side: number | undefined;
  /** Whether what goes out goes to the second listener as well. */
  readonly fanOut: boolean;
  readonly window: number;
  readonly deadline: number;
  /** The route with a spool: without one, with one, and its bounds and rules. */
  readonly spool: string;
  readonly keptName: string;
  /** Routes that carry nothing. */
  readonly others: number;
}

export const keys = [0, 1, 2, 3, 4, 5, 6, 7];

export const firstPlan: Plan = {
  split: false,
  name: 0,
  side: undefined,
  fanOut: false,
  window: 500,
  deadline: 60,
  spool: 'true',
  keptName: 'kept',
  others: 0,
};

/** The next plan; most of the time only routes are different. */
export function nextPlan(plan: Plan, random: () => number): Plan {
  const chance = (of: number): boolean => random() < of;
  const upTo = (most: number): number => Math.floor(random() * most);
  const side = chance(0.1) ? (chance(0.4) ? undefined : 100 + upTo(100)) : plan.side;
  return {
    split: chance(0.2) ? !plan.split : plan.split,
    name: chance(0.4) ? upTo(1000) : plan.name,
    side,
    fanOut: side !== undefined && chance(0.5),
    window: chance(0.02) ? 400 + upTo(100) : plan.window,
    deadline: chance(0.3) ? 60 + upTo(60) : plan.deadline,
    spool: chance(0.15)
      ? ['true', '{ max_messages: 100000 }', '{ max_bytes: 100MiB }', '{ max_age: 1d }', 'false'][upTo(5)]!
      : plan.spool,
    keptName: plan.keptName,
    others: upTo(4),
  };
}

export interface Ports {
  readonly mqtt: number;
  readonly out: number;
  readonly side: number;
}

/** The configuration file. */
export const endpointsOf = (plan: Plan, ports: Ports, folder: string): string => `endpoints:
  mqtt: { type: mqtt, listen: 127.0.0.1:${ports.mqtt} }
  out: { type: amqp, listen: 127.0.0.1:${ports.out}, window: ${plan.window}, backlog: 100000 }
${plan.side === undefined ? '' : `  side: { type: amqp, listen: 127.0.0.1:${ports.side}, window: ${plan.side}, topics: ["side.#"] }`}
routes: ["routes/*.yaml"]
store: { path: ${JSON.stringify(`${folder}/data`)} }
log: { level: warn }
`;

/** The route file: what comes at in/K goes to out.K, and what comes at kept/K to kept.K, whatever else it says. */
export function routesOf(plan: Plan): string {
  const { name, fanOut, deadline } = plan;
  const side = fanOut ? ', { endpoint: side, address: "side.all" }' : '';
  const retry = `retry: { deadline: ${deadline}s }`;
  const direct = plan.split
    ? keys.map(
        (key) =>
          `  - { name: direct-${name}-${key}, from: { endpoint: mqtt, address: in/${key} }, ${retry}, to: [{ endpoint: out, address: out.${key} }${side}] }`,
      )
    : [
        `  - { name: direct-${name}, from: { endpoint: mqtt, address: "in/{key}" }, ${retry}, to: [{ endpoint: out, address: "out.{key}" }${side}] }`,
      ];
  const kept = `  - { name: ${plan.keptName}, from: { endpoint: mqtt, address: "kept/{key}" }, spool: ${plan.spool}, ${retry}, dead_letter: store, to: [{ endpoint: out, address: "kept.{key}" }${side}] }`;
  const others = Array.from(
    { length: plan.others },
    (_, n) =>
      `  - { name: other-${n}, from: { endpoint: mqtt, address: other/${n} }, to: [{ endpoint: out, address: other.${n} }] }`,
  );
  return ['routes:', ...direct, kept, ...others, ''].join('\n');
}

/** Mistakes of several kinds, each of which keeps the whole configuration from being used. */
export const mistakes = [
  'routes: [',
  'routes:\n  - { name: bad, from: { endpoint: nowhere, address: a }, to: [{ endpoint: out, address: b }] }\n',
  'routes:\n  - { name: kept, from: { endpoint: mqtt, address: x }, to: [{ endpoint: out, address: "b.{y}" }] }\n',
  '',
];
