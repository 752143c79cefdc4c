import { AddressSyntaxError, parsePattern } from '../core/address.ts';
import { parseBraces } from '../core/braces.ts';
import { invalidAddress, type Template } from '../core/template.ts';
import { AllowedReplies } from '../routing/route/allowed-replies.ts';
import { replyDefaults, type ReplyEntry } from '../routing/route/reply-schema.ts';
import type { ReplySettings, ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import type { RouteEntry } from '../routing/route/schema.ts';
import type { TargetEntry } from '../routing/route/target-schema.ts';
import type { EndpointDefinition } from './endpoints.ts';
import { located } from './located.ts';
import type { Problems } from './problems.ts';
import { child, items, text, type ScalarNode, type Tree } from './tree.ts';
import { quoted } from './words.ts';

export interface ReplyCheckParts {
  /** The route as it is written, and as its schema understood it. */
  readonly node: Tree;
  readonly route: RouteEntry;
  readonly from: ResolvedRoute['from'];
  readonly definitions: ReadonlyMap<string, EndpointDefinition> | undefined;
  /** What `{gateway}` means. */
  readonly id: string;
  readonly problems: Problems;
}

/** How the requests of one route are answered. */
export class ReplyChecker {
  readonly #parts: ReplyCheckParts;
  readonly #reply: ReplyEntry;
  readonly #node: Tree | undefined;
  #allowed: AllowedReplies | undefined;

  constructor(parts: ReplyCheckParts) {
    this.#parts = parts;
    this.#reply = parts.route.reply ?? replyDefaults;
    this.#node = child(parts.node, 'reply');
  }

  /** What a target does with requests; undefined where their reply addresses go on as they are. */
  at(node: Tree, entry: TargetEntry, target: RouteTarget): ReplySettings | undefined {
    const { route, problems, definitions } = this.#parts;
    const own = child(node, 'reply');
    if (entry.reply === false || (entry.reply === undefined && route.reply === undefined)) return undefined;
    if (target.mirror !== undefined) {
      if (own) problems.error(own.at, 'nobody waits for the answers of a mirror', 'leave "reply" out');
      return undefined;
    }
    for (const key of ['reply_to', 'correlation_id'] as const) {
      const edited = child(node, key);
      if (edited)
        problems.error(
          edited.at,
          `${key} is the gateway's own where "reply" brings answers back`,
          `leave "${key}" out, or write "reply: false" at this target`,
        );
    }
    const address = this.#address(text(child(own, 'address')) ?? text(child(this.#node, 'address')), target);
    const definition = definitions?.get(target.endpoint);
    const traits =
      definition?.definition.traitsOf?.(definition.config) ?? definition?.definition.traits;
    const lost = traits?.loses.find((f) => f === 'replyTo' || f === 'correlationId');
    if (lost !== undefined)
      problems.error(
        node.at,
        `${definition!.protocol.name} has no place for ${lost === 'replyTo' ? 'a reply address' : 'a correlation id'} here, so requests cannot be answered from there`,
        'write "reply: false" at this target',
      );
    this.#allowed ??= this.#whoMayAsk(own ?? this.#node!);
    if (address === undefined || this.#allowed === undefined) return undefined;
    const { timeout, max, answers } = this.#reply;
    return { address, allowed: this.#allowed, timeout, max, answers };
  }

  #address(written: ScalarNode | undefined, target: RouteTarget): string | undefined {
    const { id, problems, definitions, node } = this.#parts;
    if (!written) {
      problems.error(
        (this.#node ?? node).at,
        `answers from ${target.endpoint} have no address to be sent to`,
        'write "address: …", an address there',
      );
      return undefined;
    }
    const address = located(written, (template) => withGateway(template, id), problems);
    const syntax = definitions?.get(target.endpoint)?.protocol.address;
    if (address === undefined || syntax === undefined) return undefined;
    const pattern = located(written, () => parsePattern(address, syntax, false), problems);
    if (pattern === undefined) return undefined;
    const wrong =
      invalidAddress(address, syntax) ??
      (pattern.literal ? undefined : 'it has wildcards') ??
      syntax.unreadable?.(pattern) ??
      this.#clash(address, target);
    if (wrong === undefined) return address;
    problems.error(written.at, `${quoted(address)} cannot be where answers are sent: ${wrong}`);
    return undefined;
  }

  #clash(address: string, { endpoint, template }: RouteTarget): string | undefined {
    const { from } = this.#parts;
    if (textOf(template) === address) return 'the requests themselves go there';
    if (endpoint === from.endpoint && from.pattern.text === address) return 'the route reads requests there';
    return undefined;
  }

  /** @param at where it is reported that nobody may */
  #whoMayAsk(at: Tree): AllowedReplies | undefined {
    const { from, definitions, problems } = this.#parts;
    const source = definitions?.get(from.endpoint);
    if (!source) return undefined;
    const syntax = source.protocol.address;
    const { isTemporary } = source.definition;
    const written = items(child(this.#node, 'allow')).filter((each) => each.kind === 'scalar');
    const good = written.map((each) =>
      located(each, (pattern) => parsePattern(pattern, syntax, false), problems),
    );
    if (good.includes(undefined)) return undefined;
    if (written.length === 0 && isTemporary === undefined)
      problems.error(
        at.at,
        `nobody may ask: ${source.protocol.name} has no temporary queues here, so "allow" must say where answers may go`,
        'add "allow: [PATTERN, …]", addresses at which requesters wait for their answers',
      );
    return new AllowedReplies(this.#reply.allow, syntax, isTemporary);
  }
}

/** The address that a template without captures makes; undefined where it depends on more. */
const textOf = ({ parts }: Template): string | undefined =>
  parts.every((part) => 'text' in part) ? parts.map(({ text: literal }) => literal).join('') : undefined;

const withGateway = (template: string, id: string): string =>
  parseBraces(template, (inside, offset) => {
    if (inside === 'gateway') return id;
    throw new AddressSyntaxError('only {gateway} can stand in a reply address; write "{{" for a brace', offset);
  }).join('');
