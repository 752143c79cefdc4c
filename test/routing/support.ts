import { parsePattern, type AddressSyntax } from '../../src/core/address.ts';
import type { Envelope } from '../../src/core/envelope.ts';
import type { Sink } from '../../src/core/protocol.ts';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterStore,
  DeadLetterSummary,
  StoredDeadLetter,
} from '../../src/core/storage.ts';
import { RateLimitedLog } from '../../src/core/rate-limited-log.ts';
import { parseTemplate } from '../../src/core/template.ts';
import { Dispatcher, type DispatcherOptions } from '../../src/routing/dispatch.ts';
import { retryPolicy, type RetrySettings } from '../../src/routing/route/retry.ts';
import { Requests } from '../../src/routing/plan/requests.ts';
import type { ResolvedRoute } from '../../src/routing/route/route.ts';
import { RoutingTable } from '../../src/routing/plan/table.ts';
import { keptLog } from '../helpers.ts';

export const slash: AddressSyntax = { separators: '/', one: ['+'], rest: ['#'], maxBytes: 100, hidden: '$' };
export const dot: AddressSyntax = { separators: '.', one: ['*'], rest: ['#'], maxBytes: 100 };
export const syntaxOf = (endpoint: string) => (endpoint === 'mqtt' ? slash : dot);

/** A route as a configuration would make it; without `retry` its targets are sent each message once. */
export const route = (
  name: string,
  from: [string, string],
  to: [endpoint: string, address: string, retry?: RetrySettings][],
  over: Partial<ResolvedRoute> = {},
): ResolvedRoute => {
  const pattern = parsePattern(from[1], syntaxOf(from[0]));
  return {
    name,
    description: undefined,
    owner: undefined,
    file: 'test.yaml',
    line: 1,
    from: { endpoint: from[0], pattern },
    to: to.map(([endpoint, text, retry]) => ({
      endpoint,
      template: parseTemplate(text, pattern.captures),
      ...(retry !== undefined && { retry: retryPolicy([retry], false) }),
    })),
    ...over,
  };
};

export class Recorder implements Sink {
  readonly sent: [string, Envelope][] = [];
  readonly decide: (envelope: Envelope, address: string) => Promise<void>;
  constructor(decide: (envelope: Envelope, address: string) => Promise<void> = () => Promise.resolve()) {
    this.decide = decide;
  }
  send(envelope: Envelope, address: string): Promise<void> {
    this.sent.push([address, envelope]);
    return this.decide(envelope, address);
  }
}

export function gateway(
  routes: ResolvedRoute[],
  sinks: Record<string, Sink>,
  options: DispatcherOptions = {},
) {
  const log = keptLog();
  return {
    log,
    dispatcher: new Dispatcher(
      new RoutingTable(routes, syntaxOf, new Requests(new RateLimitedLog(log))),
      new Map(Object.entries(sinks)),
      log,
      options,
    ),
  };
}

/** Keeps dead letters in memory. */
export class MemoryStore implements DeadLetterStore {
  readonly letters = new Map<string, StoredDeadLetter>();
  #last = 0;

  add(letter: DeadLetter): Promise<string> {
    const id = String(++this.#last);
    this.letters.set(id, { ...letter, id });
    return Promise.resolve(id);
  }

  list(filter: DeadLetterFilter, { after, limit }: DeadLetterPage): Promise<DeadLetterSummary[]> {
    const { since = -Infinity, until = Infinity, ...fields } = filter;
    const meant = [...this.letters.values()].filter(
      (letter) =>
        Number(letter.id) > Number(after ?? 0) &&
        letter.lastAt >= since &&
        letter.lastAt < until &&
        Object.entries(fields).every(([name, value]) => letter[name as 'route'] === value),
    );
    return Promise.resolve(
      meant.slice(0, limit).map((letter) => ({ ...letter, bytes: letter.message.body?.length ?? 0 })),
    );
  }

  get(id: string): Promise<StoredDeadLetter | undefined> {
    return Promise.resolve(this.letters.get(id));
  }

  remove(id: string): Promise<boolean> {
    return Promise.resolve(this.letters.delete(id));
  }
}
