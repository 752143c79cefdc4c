import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Supervisor, type Connection } from '../../src/client/supervisor.ts';
import type { BrokerUrl } from '../../src/transport/dial.ts';
import { keptLog, until } from '../helpers.ts';

const at = (host: string): BrokerUrl => ({ text: `x://${host}:1`, carrier: 'tcp', host, port: 1, path: '' });

/** A connection that the test ends, or its owner. */
class Line implements Connection {
  readonly closed: Promise<string>;
  closes = 0;
  end!: (reason: string) => void;
  constructor() {
    this.closed = new Promise((resolve) => (this.end = resolve));
  }
  close(): Promise<void> {
    this.closes++;
    this.end('closed');
    return Promise.resolve();
  }
}

function supervised(answer: (url: BrokerUrl, signal: AbortSignal) => Promise<Connection>, hosts = ['a']) {
  const log = keptLog();
  const tried: string[] = [];
  let trouble: string | undefined;
  const supervisor = new Supervisor({
    broker: 'the test broker',
    urls: hosts.map(at),
    log,
    connect: (url, signal) => {
      tried.push(url.host);
      return answer(url, signal);
    },
    trouble: () => trouble,
  });
  return { supervisor, log, tried, troubled: (why: string | undefined) => (trouble = why) };
}

describe('supervisor', () => {
  it('is connecting, then ready, then closed; it ends the connection once and leaves none', async () => {
    const line = new Line();
    let connected!: () => void;
    const { supervisor } = supervised(() => new Promise((resolve) => (connected = () => resolve(line))));
    assert.deepEqual(supervisor.status(), { state: 'connecting', at: 'x://a:1' });
    supervisor.open();
    supervisor.open();
    await until(() => connected !== undefined, 'it connects');
    assert.equal(supervisor.status().state, 'connecting');
    connected();
    await until(() => supervisor.status().state === 'ready', 'it is ready');
    await Promise.all([supervisor.close(), supervisor.close()]);
    assert.equal(supervisor.status().state, 'closed');
    assert.ok(line.closes >= 1);
  });

  it('says why it fails with one line in the log, and recovers by itself', async () => {
    let refuse = true;
    const line = new Line();
    const { supervisor, log, tried } = supervised(() =>
      refuse ? Promise.reject(new Error('access refused')) : Promise.resolve(line),
    );
    supervisor.open();
    await until(() => tried.length >= 3, 'it tries again');
    const { state, reason } = supervisor.status();
    assert.deepEqual([state, reason], ['failing', 'access refused']);
    assert.equal(log.lines.length, 1);
    assert.deepEqual(
      [log.lines[0]!.level, (log.lines[0]!.fields as { reason: string }).reason],
      ['warn', 'access refused'],
    );
    refuse = false;
    await until(() => supervisor.status().state === 'ready', 'it has recovered');
    assert.deepEqual(
      log.lines.map(({ level }) => level),
      ['warn', 'info'],
    );
    await supervisor.close();
  });

  it('tries the next of several brokers', async () => {
    const { supervisor, tried } = supervised(() => Promise.reject(new Error('away')), ['a', 'b', 'c']);
    supervisor.open();
    await until(() => tried.length >= 4, 'it has tried them all');
    assert.deepEqual(tried.slice(0, 4), ['a', 'b', 'c', 'a']);
    await supervisor.close();
  });

  it('comes back after a lost connection, and closes what is left of it', async () => {
    const lines: Line[] = [];
    const { supervisor } = supervised(() => {
      const line = new Line();
      lines.push(line);
      return Promise.resolve(line);
    });
    supervisor.open();
    await until(() => supervisor.status().state === 'ready', 'it is ready');
    lines[0]!.end('the broker went away');
    await until(() => supervisor.status().state !== 'ready', 'it has noticed');
    assert.equal(supervisor.status().reason, 'the broker went away');
    await until(() => supervisor.status().state === 'ready', 'it is back');
    assert.equal(lines[0]!.closes, 1);
    assert.equal(lines.length, 2);
    await supervisor.close();
  });

  it('waits longer and longer for a broker that takes connections and drops them', async () => {
    const times: number[] = [];
    const { supervisor } = supervised(() => {
      times.push(performance.now());
      const line = new Line();
      line.end('dropped');
      return Promise.resolve(line);
    });
    supervisor.open();
    await until(() => times.length >= 4, 'it has tried four times');
    await supervisor.close();
    // waits of 100, 200, 400 ms, of which jitter takes half at most
    for (const [n, least] of [50, 100, 200].entries())
      assert.ok(
        times[n + 1]! - times[n]! >= least - 5,
        `attempt ${n + 2} came after ${times[n + 1]! - times[n]!} ms`,
      );
  });

  it('shows the trouble of a connection that stands', async () => {
    const { supervisor, troubled } = supervised(() => Promise.resolve(new Line()));
    supervisor.open();
    await until(() => supervisor.status().state === 'ready', 'it is ready');
    troubled('the subscription is refused');
    assert.deepEqual(
      [supervisor.status().state, supervisor.status().reason],
      ['failing', 'the subscription is refused'],
    );
    troubled(undefined);
    assert.equal(supervisor.status().state, 'ready');
    await supervisor.close();
  });

  it('closes while it connects, while it waits, and before it was opened', async () => {
    const connecting = supervised(
      (_url, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(new Error('given up'))),
        ),
    );
    connecting.supervisor.open();
    await until(() => connecting.tried.length === 1, 'it connects');
    await connecting.supervisor.close();
    assert.equal(connecting.log.lines.length, 0);

    const waiting = supervised(() => Promise.reject(new Error('away')));
    waiting.supervisor.open();
    await until(() => waiting.supervisor.status().state === 'failing', 'it waits');
    await waiting.supervisor.close();

    const never = supervised(() => Promise.resolve(new Line()));
    await never.supervisor.close();
    never.supervisor.open();
    await never.supervisor.close();
    assert.deepEqual(never.tried, []);
  });

  it('closes a connection that is established after all', async () => {
    const line = new Line();
    let establish!: () => void;
    const { supervisor } = supervised(() => new Promise((resolve) => (establish = () => resolve(line))));
    supervisor.open();
    await until(() => establish !== undefined, 'it connects');
    const closed = supervisor.close();
    establish();
    await closed;
    assert.ok(line.closes >= 1);
  });
});
