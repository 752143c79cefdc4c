/**
 * The interop matrix: `npm run interop` compares with docs/interop.md, `npm run interop -- --update` writes it;
 * names of systems after that run only those, and print.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { activeMq, artemis, kafkaBroker, mosquitto, rabbitMq, rocketMq } from './brokers.ts';
import { amqpListener, mqttListener, stompListener } from './listeners.ts';
import { runMatrix } from './matrix.ts';
import { interopPage } from './page.ts';

const page = new URL('../../docs/interop.md', import.meta.url);
const all = [
  mqttListener,
  amqpListener,
  stompListener,
  mosquitto,
  artemis,
  activeMq,
  rabbitMq,
  kafkaBroker,
  rocketMq,
];

const words = process.argv.slice(2);
const update = words.includes('--update');
const named = words.filter((word) => !word.startsWith('--'));
const wanted = named.length > 0 ? all.filter(({ name }) => named.includes(name)) : all;
const runnable = wanted.filter(({ unavailable }) => unavailable === false);
for (const { name, unavailable } of wanted)
  if (unavailable !== false) console.error(`left out: ${name}, ${unavailable}`);

const { cells, whole } = await runMatrix(runnable, (line) => console.error(line));
const made = interopPage(runnable, cells, whole);
console.log(made);
const bad = cells.filter(({ wrong }) => wrong.length > 0);
for (const { source, target, wrong } of bad)
  console.error(`${source.name} → ${target.name}:\n  ${wrong.join('\n  ')}`);
const badWhole = whole.filter(({ wrong }) => wrong.length > 0);
for (const { system, wrong } of badWhole)
  console.error(`whole messages by ${system.name}:\n  ${wrong.join('\n  ')}`);
if (bad.length + badWhole.length > 0) process.exitCode = 1;
else if (update && runnable.length === all.length) await writeFile(page, made);
else if (runnable.length === all.length && (await readFile(page, 'utf8')) !== made) {
  console.error('docs/interop.md says something else: npm run interop -- --update');
  process.exitCode = 1;
}
