// Throughput of the STOMP listener: 10 raw connections, 256 B SEND with receipt, 100 unanswered each, every outcome
// accepted at once. The generator is a process of its own. node --import tsx bench/stomp-listener.ts [seconds]
import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { accepted } from '../src/core/outcome.ts';
import { listenerConfig } from '../src/protocols/stomp/config.ts';
import { StompListener } from '../src/protocols/stomp/listener.ts';

const connections = 10;
const window = 100;
const seconds = Number(process.argv[2] ?? 5);

/** Counts NULs: RECEIPT has one, at its end. */
function generate(port: number): void {
  const frame = Buffer.from(
    `SEND\ndestination:/queue/orders\ncontent-type:application/json\nreceipt:r-1\ncontent-length:256\n\n${'x'.repeat(256)}\0`,
  );
  const batches = Array.from({ length: window + 1 }, (_, n) =>
    Buffer.concat(Array.from({ length: n }, () => frame)),
  );
  for (let i = 0; i < connections; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.setNoDelay(true);
    let connected = false;
    socket.write('CONNECT\naccept-version:1.2\nhost:x\n\n\0');
    socket.on('data', (chunk: Buffer) => {
      let answers = 0;
      for (let at = chunk.indexOf(0); at >= 0; at = chunk.indexOf(0, at + 1)) answers++;
      if (!connected) {
        connected = true;
        answers = window;
      }
      if (answers > 0) socket.write(batches[answers]!);
    });
  }
}

async function measure(): Promise<void> {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const listener = new StompListener(listenerConfig.parse({ listen: '127.0.0.1:0' }), {
    name: 'bench',
    log: silent,
  });
  await listener.open();
  let messages = 0;
  const outcome = Promise.resolve(accepted);
  await listener.source.start({
    patterns: [],
    readerOf: () => 'bench',
    deliver: () => {
      messages++;
      return outcome;
    },
  });
  const port = listener.status().at.split(':').at(-1)!;
  const generator = fork(fileURLToPath(import.meta.url), ['generate', port], { execArgv: process.execArgv });
  const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(2000);
  for (let round = 0; round < 3; round++) {
    const [count, cpu, began] = [messages, process.cpuUsage(), performance.now()];
    await wait(seconds * 1000);
    const [took, used] = [(performance.now() - began) / 1000, process.cpuUsage(cpu)];
    const done = messages - count;
    console.log(
      `${Math.round(done / took)} msg/s, ${((used.user + used.system) / done).toFixed(2)} µs CPU per message in the listener's process`,
    );
  }
  generator.kill();
  await listener.close();
}

if (process.argv[2] === 'generate') generate(Number(process.argv[3]));
else await measure();
