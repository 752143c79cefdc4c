import type { Configuration } from '../config/load.ts';
import type { Captures } from '../core/address.ts';
import { durationText } from '../core/duration-text.ts';
import type { Envelope } from '../core/envelope.ts';
import { PatternIndex } from '../core/pattern-index.ts';
import { plain } from '../core/plain-text.ts';
import { lossesInWords, lossesOfRoute } from '../config/told-losses.ts';
import { conditionText, type When } from '../routing/route/compiled.ts';
import type { ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import { letterLines, letterOf } from './explain-letters.ts';
import { lossLines } from './explain-losses.ts';
import { changesText } from './target-text.ts';
import { bodyText, headerText } from './text.ts';
import { Trial, type Sent, type Tried } from './trial.ts';

/** What a condition says of a message: undefined where there is none to ask about, a text where it cannot tell. */
type Verdict = boolean | string | undefined;

/**
 * Which routes read an address and why, and, of a message, what goes out on the line to each target.
 * @param message undefined: what holds for all messages of the address
 */
export async function explain(
  configuration: Configuration,
  endpoint: string,
  address: string,
  message: Envelope | undefined,
): Promise<string> {
  const { protocol } = configuration.endpoints.get(endpoint)!;
  const lines: string[] = [];
  const here = configuration.routes.filter(({ from }) => from.endpoint === endpoint);
  const tried = message && (await new Trial(configuration).publish(endpoint, message));
  let matching = 0;
  for (const route of here) {
    const index = new PatternIndex<true>(protocol.address);
    index.add(route.from.pattern, true);
    const match = index.match(address)[0];
    if (!match) continue;
    matching++;
    lines.push(...explainRoute(configuration, route, match.captures, message, tried));
  }
  lines.unshift(
    `${endpoint} ${plain(address)}: ${matching === 0 ? 'no route reads it' : `read by ${matching} of ${here.length} routes of ${endpoint}`}`,
  );
  if (matching === 0 && here.length > 0)
    lines.push(`  ${endpoint} is read at: ${here.map(({ from }) => from.pattern.text).join(', ')}`);
  if (tried) {
    const { outcome, filtered } = tried;
    lines.push('');
    if (filtered) lines.push('passed by, counted as filtered: no route wants it');
    else if (outcome.state === 'accepted' && tried.sent.length + tried.letters.length === 0)
      for (const line of tried.said) lines.push(plain(`the gateway says: ${line}`));
    lines.push(
      plain(
        `its sender is told: ${outcome.state}${'error' in outcome ? ` (${outcome.error.code}: ${outcome.error.message})` : ''}`,
      ),
    );
  }
  return lines.join('\n');
}

function explainRoute(
  configuration: Configuration,
  route: ResolvedRoute,
  captures: Captures,
  message: Envelope | undefined,
  tried: Tried | undefined,
): string[] {
  const { name, file, line, owner, from, when } = route;
  const lines = ['', `route ${name} (${file}:${line}${owner === undefined ? '' : `, owner ${owner}`})`];
  lines.push(`  from ${from.endpoint} ${from.pattern.text}${capturesText(captures)}`);
  if (route.answers)
    lines.push(`  brings answers to requests of route ${route.answers.route} back to who asked`);
  const seen = message && seenBy(route, captures, message);
  if (from.decode)
    lines.push(
      plain(`  decoded as ${from.decode.text}${typeof seen === 'string' ? `: cannot be, ${seen}` : ''}`),
    );
  if (when) lines.push(`  when ${verdictText(when, judge(when, seen))}`);
  lines.push(`  ${deliveryText(route)}`);
  if (typeof route.deadLetter === 'object' && !route.answers)
    lines.push(`  lost of dead letters: ${lossesInWords(lossesOfRoute(configuration, route).letters)}`);
  for (const [n, to] of route.to.entries()) {
    const here = (tried?.sent ?? []).filter(
      ({ endpoint, message: sent }) =>
        endpoint === to.endpoint && sent.via.includes(name) && letterOf(sent) === undefined,
    );
    lines.push(...explainTarget(to, seen));
    const messages = here.map((one) => one.message);
    lines.push(...lossLines(configuration, route, n, messages), ...here.flatMap(frameText));
  }
  if (tried) lines.push(...letterLines(route, tried));
  return lines;
}

/** A message as a route understands it, or why it cannot. */
function seenBy({ from }: ResolvedRoute, captures: Captures, message: Envelope): Envelope | string {
  try {
    return from.decode ? from.decode.apply(message, captures) : message;
  } catch (error) {
    return (error as Error).message;
  }
}

function explainTarget(to: RouteTarget, message: Envelope | string | undefined): string[] {
  const { endpoint, template, key, when = [], group, mirror } = to;
  const kind = group
    ? ` (${group.mode} ${group.number + 1})`
    : mirror === undefined
      ? ''
      : ` (mirror of ${mirror * 100}%)`;
  const lines = [`  to ${endpoint} ${template.text}${kind}`];
  let passed = true;
  for (const each of when) {
    // What does not come past one condition is not asked the next.
    const verdict: Verdict = passed ? judge(each, message) : undefined;
    passed &&= typeof verdict !== 'string' && verdict !== false;
    lines.push(`    when ${verdictText(each, verdict)}`);
  }
  for (const change of changesText(to)) lines.push(plain(`    ${change}`));
  if (key) lines.push(`    key ${key.text}`);
  if (to.reply)
    lines.push(
      `    requests are to be answered at ${to.reply.address} within ${durationText(to.reply.timeout)}: ${to.reply.answers === 'all' ? 'all answers' : 'the first answer'} in time`,
    );
  lines.push(`    ${retryText(to)}`);
  return lines;
}

const judge = (when: When, message: Envelope | string | undefined): Verdict => {
  if (message === undefined || typeof message === 'string') return message;
  try {
    return when.matches(message);
  } catch (error) {
    return (error as Error).message;
  }
};

function verdictText(when: When, verdict: Verdict): string {
  const said =
    verdict === undefined
      ? ''
      : `: ${typeof verdict === 'string' ? `cannot tell, ${verdict}` : verdict ? 'yes' : 'no'}`;
  return plain(`${conditionText(when)}${said}`);
}

function capturesText(captures: Captures): string {
  if (captures.size === 0) return '';
  const all = [...captures].map(
    ([name, value]) => `${name} = ${typeof value === 'string' ? value : value.join(' ')}`,
  );
  return plain(`, where ${all.join(', ')}`);
}

function deliveryText({ deadLetter, spool, dedup }: ResolvedRoute): string {
  const letters =
    deadLetter === undefined
      ? 'its sender is told of failures for good'
      : `failures for good become dead letters in ${deadLetter === 'store' ? 'the store' : `${deadLetter.endpoint} ${deadLetter.address}`}`;
  const accepted = spool ? 'accepted once it is in the spool' : 'accepted once every target has it';
  return `${accepted}; ${letters}${dedup ? `; repeats by ${dedup.by.text} are dropped for ${durationText(dedup.window)}` : ''}`;
}

function retryText({ retry, mirror }: RouteTarget): string {
  if (mirror !== undefined) return 'nobody waits for it';
  if (!retry) return 'tried once';
  const bounds = [
    ...(Number.isFinite(retry.attempts) ? [`${retry.attempts} times at most`] : []),
    ...(Number.isFinite(retry.deadline) ? [`for ${durationText(retry.deadline)}`] : []),
  ];
  return `tried again ${bounds.length === 0 ? 'for ever' : bounds.join(', ')}, waiting ${durationText(retry.from)} to ${durationText(retry.to)}`;
}

function frameText({ endpoint, address, frame, message }: Sent): string[] {
  const lines = [plain(`    → ${frame?.kind ?? 'message'} to ${endpoint} ${address}`)];
  for (const [name, value] of frame?.fields ??
    message.headers.map((header) => [header[0], headerText(header)] as const))
    lines.push(plain(`      ${name}: ${value}`));
  lines.push(`      ${plain(bodyText(frame ? frame.body : message.body))}`);
  if (frame?.bytes) lines.push(`      ${frame.bytes.length} bytes: ${hex(frame.bytes)}`);
  return lines;
}

const hex = (bytes: Uint8Array): string => {
  const shown = Buffer.from(bytes.subarray(0, 64)).toString('hex');
  return bytes.length > 64 ? `${shown}…` : shown;
};
