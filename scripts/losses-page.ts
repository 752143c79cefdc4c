import { lossNames, lossWords } from '../src/core/losses.ts';
import type { Traits } from '../src/core/protocol.ts';
import { protocols } from '../src/protocols/index.ts';
import { lossesOf, type Loss } from '../src/routing/route/losses.ts';

/** As if messages came from a protocol that holds everything. */
const everything: Traits = { headers: 'typed', repeatedHeaders: true, loses: [], redelivers: true };

const intro = `# What is lost

Made by \`npm run docs\` from the traits of the protocols.

Not every protocol has a place for all that a message may have. Before anything runs, \`junction check\` (and \`run\`, and
a reload) compares what the source of each route can hold with what each of its targets keeps, and tells in one line a target what is lost:

    routes/x.yaml:6:9: warning: on the way to "bench" (mqtt) this is lost: keys and priorities; write "allow_loss: [key, priority]" where that is meant

- Data is not lost undeclared: types of bodies, null bodies and headers are an **error** until \`allow_loss\` names them.
- Metadata, the order of messages and messages themselves are a **warning**.
- What hardly anybody misses is a **note**: silent, but \`junction check --losses\` prints all there is, for each route and target.

\`\`\`yaml
defaults: { allow_loss: [priority] } # for the routes of this file
routes:
  - name: orders
    allow_loss: [reply_to] # for all its targets
    from: { endpoint: amqp, address: orders }
    to: [{ endpoint: bench, address: orders, allow_loss: [headers, body_type, null_body] }]
\`\`\`

The three add up; \`allow_loss: all\` allows everything, and \`check --losses\` calls what is allowed accepted. A name that is allowed and not lost is a warning. What a route takes out
(\`headers: { remove: ["*"] }\`) is not lost; what it puts in and the target cannot hold is. Types of headers are not lost where
headers are text or bytes: the header \`junction-types\` tells them.

\`junction explain\` says the same of each target of an address, and with \`--message\` what of it this very message loses.

**All but the first header of one name** (\`repeated_headers\`) is a note at targets, though it is data: nearly every route from MQTT 5 or Kafka
could lose some and hardly any does, and a warning that all routes have is read by nobody. \`--losses\` shows it, and \`GET /losses\` counts those that were lost.

**Dead letters** at an endpoint are checked as targets are, by what a dead letter has: its own headers always, the message's time to live
and retain flag never. It is the last there is of its message, so \`repeated_headers\` is a warning there. \`allow_loss\` stands beside its
address (\`dead_letter: { endpoint: office, address: dead, allow_loss: [repeated_headers] }\`); what the route and \`defaults\` allow holds too.

**Large messages** (\`large_messages\`): where the source takes larger messages (its \`max_message\`) than the target does (\`max_message\` of Kafka, the
longest packet of MQTT), those between are not delivered: they are refused for good, so they become dead letters, or their senders are told.
That is a warning where either limit was set by somebody, and a note where both are the defaults. A dead letter that is too large for
its endpoint cannot be put there: the message stays with its source, which tries again. So that is always a warning; give Kafka a larger \`max_message\`
(and the brokers, \`message.max.bytes\`), or keep dead letters in the store. Limits that only a peer knows are not compared, nor are bodies that a route changes.

The running gateway counts what messages have lost, also where that is allowed: \`GET /losses\` of the admin interface says
\`{ "endpoints": { "bench": { "headers": 3 } } }\`, three messages that had headers and have reached the target without them, since the gateway began. What only a protocol sees is among them: what subscribers with MQTT 3.1 and 3.1.1
miss, also of messages of the listener's own clients, counted for each delivery to one; headers that STOMP has no way to write; a reply address
that RabbitMQ would take for a queue of its own by STOMP.

The table is for messages that have everything. A source that cannot hold something does not lose it.`;

const listed = (losses: readonly Loss[], severity: Loss['severity']): string =>
  losses
    .filter((each) => each.severity === severity)
    .map(({ name, what }) => (what === lossWords[name] ? `\`${name}\`` : `\`${name}\` (${what})`))
    .join(', ');

const row = (to: string, traits: Traits): string => {
  const losses = lossesOf(everything, traits);
  return `| ${to} | ${listed(losses, 'error')} | ${listed(losses, 'warning')} | ${listed(losses, 'note')} |`;
};

/** `docs/losses.md`. */
export async function lossesPage(): Promise<string> {
  const loaded = await Promise.all(Object.values(protocols).map((load) => load()));
  const rows = loaded.flatMap(({ default: { name, summary, listener, client } }) => {
    const older = listener?.older;
    const traits = (listener ?? client)!.traits;
    const all = [row(`\`${name}\`: ${summary}`, traits)];
    if (older && lossesOf(everything, older.traits).length > lossesOf(everything, traits).length)
      all.push(row(`\`${name}\`, peers with ${older.version}`, older.traits));
    return all;
  });
  return [
    intro,
    ['| to | error | warning | note |', '| --- | --- | --- | --- |', ...rows].join('\n'),
    '## Names',
    lossNames.map((name) => `- \`${name}\`: ${lossWords[name]}`).join('\n'),
    `Not told beforehand: what a broker drops by its own rules (messages of a topic without subscribers), and messages that a target refuses by
limits of its own or as malformed; those are failures, see [reliability](reliability.md). Subscribers of an MQTT listener choose their version: what those with 3.1.1 miss is in \`--losses\`.
`,
  ].join('\n\n');
}
