import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { PeerMessage } from '../../contract/contract.ts';
import { connectStompJs } from '../../contract/harness/stomp-js.ts';
import { until } from '../../until.ts';
import { jmsClassPath } from '../jms-library.ts';
import { missing } from '../tools.ts';

/** What one client writes to one broker, and where it reads the answer; addresses as its listener writes them. */
export interface Letter {
  readonly broker: string;
  readonly address: string;
  readonly answers: string;
  readonly message: Required<Pick<PeerMessage, 'body' | 'correlationId' | 'replyTo'>> & {
    readonly place: string;
  };
}

export type Answers = ReadonlyMap<string, Letter['message']>;

/** A client of one listener, in whatever language. */
export interface Correspondent {
  readonly name: string;
  readonly listener: 'mqtt' | 'amqp' | 'stomp';
  readonly unavailable: string | false;
  /** Reads the answers, sends all letters, and resolves with the answers once there is one to each. */
  correspond(port: number, letters: readonly Letter[]): Promise<Answers>;
}

const here = import.meta.dirname;
const hex = (text: string): string => Buffer.from(text).toString('hex');
const unhex = (text: string): string => Buffer.from(text, 'hex').toString();

/** Runs a program that prints `answer <broker> <body> <correlation> <reply to> <place>`. */
async function program(
  command: string,
  args: readonly string[],
  letters: readonly Letter[],
): Promise<Answers> {
  const words = letters.flatMap(({ broker, address, answers, message }) => [
    ...[broker, address, answers, message.body.toString('hex'), message.correlationId, message.replyTo],
    hex(message.place),
  ]);
  const child = spawn(command, [...args, ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
  const answers = new Map<string, Letter['message']>();
  let noise = '';
  child.stderr.on('data', (chunk) => (noise += String(chunk)));
  createInterface(child.stdout).on('line', (line) => {
    const [what, broker, body, correlationId, replyTo, place] = line.split(' ') as [string, ...string[]];
    if (what === 'answer')
      answers.set(broker!, {
        body: Buffer.from(body!, 'hex'),
        correlationId: correlationId!,
        replyTo: replyTo!,
        place: unhex(place!),
      });
    else noise += `${line}\n`;
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`${command} ended with ${String(code)}: ${noise.slice(-3000)}`);
  return answers;
}

/** Debian's own, for which its packages are built. */
const python = '/usr/bin/python3';
const pythonic = (
  library: 'paho' | 'proton' | 'stomp',
  module: string,
): Pick<Correspondent, 'unavailable' | 'correspond'> => ({
  unavailable: missing(`${module} for Python`, python, '-c', `import ${module}`),
  correspond: (port, letters) =>
    program(python, [join(here, 'correspondent.py'), library, String(port)], letters),
});

const jms: Correspondent = {
  name: 'Qpid JMS (Java)',
  listener: 'amqp',
  unavailable: missing('Java', 'java', '-version') || missing('Maven', 'mvn', '-version'),
  async correspond(port, letters) {
    const args = ['-cp', await jmsClassPath(), join(here, 'Correspondent.java'), String(port)];
    return program('java', args, letters);
  },
};

/** `mosquitto_sub` reads, and a `mosquitto_pub` sends each letter. */
const mosquittoClients: Correspondent = {
  name: 'mosquitto_pub and mosquitto_sub (C)',
  listener: 'mqtt',
  unavailable: missing(
    'mosquitto-clients',
    'sh',
    '-c',
    'command -v mosquitto_pub && command -v mosquitto_sub',
  ),
  async correspond(port, letters) {
    const common = ['-h', '127.0.0.1', '-p', String(port), '-V', '5', '-q', '1'];
    const topics = letters.flatMap(({ answers }) => ['-t', answers]);
    const format = ['-F', 'answer %t %x %D %R %P'];
    // line by line: else it would say that it has subscribed only when much else has come
    const reader = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...common, ...topics, ...format, '-d'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const answers = new Map<string, Letter['message']>();
    let subscribed = false;
    createInterface(reader.stdout).on('line', (line) => {
      if (line.startsWith('Subscribed')) subscribed = true;
      const [what, topic, body, correlationId, replyTo, ...properties] = line.split(' ') as [
        string,
        ...string[],
      ];
      const letter = letters.find((each) => each.answers === topic);
      if (what !== 'answer' || !letter) return;
      const place = /place:(.*?)(?= [a-z-]+:|$)/.exec(properties.join(' '))?.[1] ?? '';
      answers.set(letter.broker, {
        body: Buffer.from(body!, 'hex'),
        correlationId: correlationId!,
        replyTo: replyTo!,
        place,
      });
    });
    try {
      await until(() => subscribed, 'mosquitto_sub reads', 60_000);
      for (const { address, message } of letters) await publish(common, address, message);
      await until(() => answers.size === letters.length, 'every broker has answered', 60_000);
    } finally {
      reader.kill();
    }
    return answers;
  },
};

async function publish(
  common: readonly string[],
  topic: string,
  { body, correlationId, replyTo, place }: Letter['message'],
): Promise<void> {
  const properties = [
    ...['-D', 'publish', 'correlation-data', correlationId],
    ...['-D', 'publish', 'response-topic', replyTo],
    ...['-D', 'publish', 'user-property', 'place', place],
  ];
  const child: ChildProcess = spawn('mosquitto_pub', [...common, '-t', topic, ...properties, '-s'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.stdin!.end(body);
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (code !== 0) throw new Error(`mosquitto_pub ended with ${String(code)}`);
}

const stompJs: Correspondent = {
  name: '@stomp/stompjs (JavaScript)',
  listener: 'stomp',
  unavailable: false,
  async correspond(port, letters) {
    const client = await connectStompJs(port);
    try {
      const inboxes = new Map(
        await Promise.all(
          letters.map(async ({ broker, answers }) => [broker, await client.subscribe(answers)] as const),
        ),
      );
      for (const { address, message } of letters)
        await client.publish(address, { ...message, headers: [['place', message.place]] });
      const all = [...inboxes.values()];
      await until(
        () => all.every(({ messages }) => messages.length > 0),
        'every broker has answered',
        60_000,
      );
      return new Map(
        [...inboxes].map(([broker, { messages }]) => {
          const { body, correlationId = '', replyTo = '', headers } = messages[0]!;
          return [broker, { body, correlationId, replyTo, place: new Map(headers).get('place') ?? '' }];
        }),
      );
    } finally {
      await client.close();
    }
  },
};

export const correspondents: readonly Correspondent[] = [
  jms,
  { name: 'Qpid Proton (Python)', listener: 'amqp', ...pythonic('proton', 'proton') },
  { name: 'paho-mqtt (Python)', listener: 'mqtt', ...pythonic('paho', 'paho.mqtt.client') },
  mosquittoClients,
  { name: 'stomp.py (Python)', listener: 'stomp', ...pythonic('stomp', 'stomp') },
  stompJs,
];
