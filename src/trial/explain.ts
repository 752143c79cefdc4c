import type { Configuration } from '../config/load.ts';
import type { Captures } from '../core/address.ts';
import type { Envelope } from '../core/envelope.ts';
import { PatternIndex } from '../core/pattern-index.ts';
import { plain } from '../core/plain-text.ts';
import { lossesInWords, lossesOfRoute } from '../config/told-losses.ts';
import type { When } from '../routing/route/compiled.ts';
import type { ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import { lossLines } from './explain-losses.ts';
import { bodyText, headerText, letterText } from './text.ts';
import { Trial, type Sent } from './trial.ts';

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
    lines.push(...explainRoute(configuration, route, match.captures, message, tried?.sent ?? []));
  }
  lines.unshift(
    `${endpoint} ${plain(address)}: ${matching === 0 ? 'no route reads it' : `read by ${matching} of ${here.length} routes of ${endpoint}`}`,
  );
  if (matching === 0 && here.length > 0)
    lines.push(`  ${endpoint} is read at: ${here.map(({ from }) => from.pattern.text).join(', ')}`);
  if (tried) {
    const { outcome, letters } = tried;
    lines.push('');
    for (const letter of letters) lines.push(plain(letterText(letter)));
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
  sent: readonly Sent[],
): string[] {
  const { name, file, line, owner, from, when } = route;
  const lines = ['', `route ${name} (${file}:${line}${owner === undefined ? '' : `, owner ${owner}`})`];
  lines.push(`  from ${from.endpoint} ${from.pattern.text}${capturesText(captures)}`);
  if (route.answers)
    lines.push(`  brings answers to requests of route ${route.answers.route} back to who asked`);
  if (from.decode) lines.push(`  decoded: ${from.decode.identity}`);
  if (when) lines.push(`  when ${conditionText(when, judge(when, message))}`);
  lines.push(`  ${deliveryText(route)}`);
  if (typeof route.deadLetter === 'object' && !route.answers)
    lines.push(`  lost of dead letters: ${lossesInWords(lossesOfRoute(configuration, route).letters)}`);
  for (const [n, to] of route.to.entries()) {
    const here = sent.filter(
      ({ endpoint, message: { via } }) => endpoint === to.endpoint && via.includes(name),
    );
    lines.push(...explainTarget(to, message));
    const messages = here.map((one) => one.message);
    lines.push(...lossLines(configuration, route, n, messages), ...here.flatMap(frameText));
  }
  return lines;
}

function explainTarget(to: RouteTarget, message: Envelope | undefined): string[] {
  const { endpoint, template, key, when = [], group, mirror } = to;
  const kind = group
    ? ` (${group.mode} ${group.number + 1})`
    : mirror === undefined
      ? ''
      : ` (mirror of ${mirror * 100}%)`;
  const lines = [`  to ${endpoint} ${template.text}${kind}`];
  for (const each of when) lines.push(`    when ${conditionText(each, judge(each, message))}`);
  if (key) lines.push(`    key ${key.text}`);
  if (to.reply)
    lines.push(
      `    requests are to be answered at ${to.reply.address} within ${to.reply.timeout / 1000}s: ${to.reply.answers === 'all' ? 'all answers' : 'the first answer'} in time`,
    );
  lines.push(`    ${retryText(to)}`);
  return lines;
}

const judge = (when: When, message: Envelope | undefined): Verdict => {
  if (!message) return undefined;
  try {
    return when.matches(message);
  } catch (error) {
    return (error as Error).message;
  }
};

function conditionText({ text, negated }: When, verdict: Verdict): string {
  const said =
    verdict === undefined
      ? ''
      : `: ${typeof verdict === 'string' ? `cannot tell, ${verdict}` : verdict ? 'yes' : 'no'}`;
  return plain(`${negated ? 'NOT ' : ''}${text}${said}`);
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
  return `${accepted}; ${letters}${dedup ? `; repeats by ${dedup.by.text} are dropped for ${dedup.window / 1000}s` : ''}`;
}

function retryText({ retry, mirror }: RouteTarget): string {
  if (mirror !== undefined) return 'nobody waits for it';
  if (!retry) return 'tried once';
  const bounds = [
    ...(Number.isFinite(retry.attempts) ? [`${retry.attempts} times at most`] : []),
    ...(Number.isFinite(retry.deadline) ? [`for ${retry.deadline / 1000}s`] : []),
  ];
  return `tried again ${bounds.length === 0 ? 'for ever' : bounds.join(', ')}, waiting ${retry.from}ms to ${retry.to / 1000}s`;
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
