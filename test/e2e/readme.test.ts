import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { until } from '../helpers.ts';
import { root, startGateway, type RunningGateway } from './gateway.ts';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The fenced blocks of one language in a part of the README. */
function blocks(from: string, to: string, language: string): string[] {
  const part = readme.slice(readme.indexOf(from), readme.indexOf(to));
  assert.ok(part.length > 0, `no part from "${from}" to "${to}"`);
  return [...part.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map((found) =>
    found[1]!.trim(),
  );
}

/** A command of the README as it runs, with what it has printed so far. */
class Running {
  readonly #child: ChildProcess;
  output = '';

  constructor(command: string) {
    this.#child = spawn('sh', ['-c', `exec ${command}`], { cwd: root });
    for (const stream of [this.#child.stdout!, this.#child.stderr!])
      stream.on('data', (chunk) => (this.output += String(chunk)));
  }

  async ended(): Promise<number | null> {
    if (this.#child.exitCode === null) await once(this.#child, 'exit');
    return this.#child.exitCode;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

const noMosquitto = spawnSync('mosquitto_pub', ['--help']).error !== undefined;
const skip = noMosquitto && process.env.CI !== 'true' ? 'mosquitto-clients are not installed' : false;

describe('the walk of the README', { skip }, () => {
  let gateway: RunningGateway;
  const running: Running[] = [];
  before(async () => {
    gateway = await startGateway();
  });
  after(async () => {
    for (const each of running) each.kill();
    await gateway.stop();
  });

  /** The ports of the README are the ones of the quickstart; here the system has chosen others. */
  const start = (command: string): Running => {
    const own = command
      .replace(/127\.0\.0\.1:5672/, `127.0.0.1:${gateway.port('amqp')}`)
      .replace(/127\.0\.0\.1:61613/, `127.0.0.1:${gateway.port('stomp')}`)
      .replace(/-p 1883/, `-p ${gateway.port('mqtt')}`);
    const one = new Running(own);
    running.push(one);
    return one;
  };

  /** Starts the subscribers, and the last command once they stand; resolves with the output of each. */
  async function walk(commands: readonly string[]): Promise<string[]> {
    const subscribers = commands
      .slice(0, -1)
      .map((command) => start(command.replace('mosquitto_sub', 'stdbuf -oL mosquitto_sub -d')));
    for (const one of subscribers)
      await until(() => /waiting on|Subscribed \(/.test(one.output), 'a subscriber stands');
    const last = start(commands.at(-1)!);
    const all = [...subscribers, last];
    for (const one of all) assert.equal(await one.ended(), 0, one.output);
    return all.map((one) => one.output);
  }

  it('1: a device reports', async () => {
    const [amqp, stomp] = await walk(blocks('**1. A device', '**2. A back end', 'sh'));
    const [shown] = blocks('**1. A device', '**2. A back end', 'json');
    assert.ok(amqp!.split('\n').includes(shown!), amqp);
    const frame = JSON.parse(stomp!.trim().split('\n').at(-1)!) as Record<string, string>;
    assert.equal(frame['body'], '{"temperature":21.5}');
    assert.equal(frame['content-type'], 'application/json');
    assert.equal(frame['correlation-id'], 'c-42');
    assert.equal(frame['line'], 'A7');
  });

  it('2: a back end commands a device', async () => {
    const [device, backEnd] = await walk(blocks('**2. A back end', '**3. An old system', 'sh'));
    assert.match(device!, /^open-valve$/m);
    assert.match(backEnd!, /^accepted$/m);
  });

  it('3: an old system places an order', async () => {
    const [queue, device, sender] = await walk(blocks('**3. An old system', '## Routes', 'sh'));
    assert.match(queue!, /"body":"order 4711".*"customer":"ada"/);
    assert.match(device!, /^order 4711$/m);
    assert.match(sender!, /^receipt$/m);
  });
});

describe('the README', () => {
  it('shows the quickstart as it is, and commands that check it', async () => {
    const [shown] = blocks('## Routes', '## With Docker', 'yaml');
    assert.ok(
      readFileSync(new URL('../../routes/quickstart.yaml', import.meta.url), 'utf8').includes(shown!),
    );
    for (const command of blocks('## Routes', '## With Docker', 'sh')) {
      const one = new Running(command);
      assert.equal(await one.ended(), 0, one.output);
      assert.match(one.output, /^ok: 3 endpoints, 3 routes/m);
    }
  });

  it('starts with the two commands', () => {
    assert.match(readme, /^# Junction\n\n {4}npm ci && npm start .*\n {4}npm ci && npm test /);
  });
});
