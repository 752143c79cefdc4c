import type { Configuration } from '../config/load.ts';
import type { EndpointStatus } from '../core/protocol.ts';
import type { HostPort } from '../core/units.ts';
import type { ResolvedRoute } from '../routing/route/route.ts';

/** What `junction run` prints once it is up: where it listens, which routes are live, what to try. */
export function banner(
  configuration: Configuration,
  status: ReadonlyMap<string, EndpointStatus>,
  admin: HostPort,
): string {
  const lines = ['Junction is up.', '', 'Endpoints'];
  for (const { name, protocol, role } of configuration.endpoints.values()) {
    const { at, state } = status.get(name)!;
    lines.push(
      `  ${name.padEnd(10)} ${protocol.name.padEnd(6)} ${role === 'listener' ? 'listens on' : `${state} to`} ${at}`,
    );
  }
  lines.push(
    `  ${'admin'.padEnd(10)} ${'http'.padEnd(6)} listens on ${admin.host}:${admin.port} (/healthz, /readyz, /dead-letters)`,
  );
  lines.push('', configuration.routes.length === 0 ? 'No routes.' : 'Routes');
  for (const route of configuration.routes) {
    const to = route.to.map((target) => `${target.endpoint} ${target.template.text}`).join(', ');
    lines.push(`  ${route.name.padEnd(10)} ${route.from.endpoint} ${route.from.pattern.text}  ->  ${to}`);
  }
  const commands = tries(configuration, status);
  if (commands.length > 0)
    lines.push('', 'Try, each in a terminal of its own', ...commands.map((command) => `  ${command}`));
  return `${lines.join('\n')}\n\n`;
}

/** Commands for the first route that an MQTT client can publish to, and for what comes out of it. */
function tries(configuration: Configuration, status: ReadonlyMap<string, EndpointStatus>): string[] {
  const listensTo = (endpoint: string, protocol: string): string | undefined => {
    const found = configuration.endpoints.get(endpoint);
    return found?.role === 'listener' && found.protocol.name === protocol
      ? status.get(endpoint)!.at
      : undefined;
  };
  const route = configuration.routes.find((r) => listensTo(r.from.endpoint, 'mqtt'));
  if (!route) return [];
  const commands: string[] = [];
  for (const { endpoint, template } of route.to) {
    if (template.perMessage) continue;
    const address = template.parts
      .map((part) => ('text' in part ? part.text : 'capture' in part ? example(part.capture) : ''))
      .join('');
    const amqp = listensTo(endpoint, 'amqp');
    const stomp = listensTo(endpoint, 'stomp');
    if (amqp) commands.push(`node examples/amqp-receive.mjs ${amqp} ${address}`);
    if (stomp) commands.push(`node examples/stomp-subscribe.mjs ${stomp} ${address}`);
  }
  const [host, port] = splitHostPort(listensTo(route.from.endpoint, 'mqtt')!);
  commands.push(
    `mosquitto_pub -h ${host} -p ${port} -q 1 -t ${exampleAddress(route)} -m '{"temperature":21.5}'`,
  );
  return commands;
}

const example = (capture: string): string => `${capture[0]}1`;

const exampleAddress = (route: ResolvedRoute): string =>
  route.from.pattern.segments
    .map((s) =>
      s.kind === 'literal' ? s.text : `${s.separator}${s.capture === undefined ? 'any' : example(s.capture)}`,
    )
    .join('');

function splitHostPort(at: string): [string, string] {
  const colon = at.lastIndexOf(':');
  return [at.slice(0, colon).replace(/^\[|\]$/g, ''), at.slice(colon + 1)];
}
