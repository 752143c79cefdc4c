import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { startMosquitto, unavailable } from '../../brokers/index.ts';
import { stranger, type Stage } from './stage.ts';
import { inFlight } from './stages.ts';

const run = promisify(execFile);
const addresses = { target: 'outage/target', source: 'outage/source' };

/** Mosquitto writes its store only when it ends in order, so it is not killed: what it forgets nobody could keep. */
export const mosquitto: Stage = {
  name: 'Mosquitto, MQTT 5',
  refusal: /Not authorized/,
  unavailable: await unavailable('mosquitto'),
  ends: { asTarget: 'SIGTERM', asSource: 'SIGTERM' },
  async start() {
    const folder = await mkdtemp(join(tmpdir(), 'junction-users-'));
    const users = join(folder, 'passwords');
    await writeFile(users, '', { mode: 0o600 });
    await run('mosquitto_passwd', ['-b', users, 'someone', 'else']);
    const broker = await startMosquitto({
      config: [`password_file ${users}`, 'max_queued_messages 20000'],
    });
    const connect = (own: IClientOptions): Promise<MqttClient> =>
      mqtt.connectAsync({ host: '127.0.0.1', port: broker.port, protocolVersion: 5, ...own });
    /** Its session, with all that comes meanwhile, stays at the broker between readings. */
    const reader: IClientOptions = {
      clientId: 'reader',
      clean: false,
      reconnectPeriod: 0,
      properties: { sessionExpiryInterval: 3600 },
    };
    const first = await connect(reader);
    await first.subscribeAsync(addresses.target, { qos: 1 });
    await first.endAsync();
    let publisher: Promise<MqttClient> | undefined;
    const settings = { type: 'mqtt', url: `mqtt://${broker.at}`, window: inFlight, in_flight: inFlight };
    return {
      broker,
      settings: { ...settings, client_id: 'gateway' },
      stranger: { ...settings, client_id: 'stranger', ...stranger },
      logins: 1,
      addresses,
      async publish(body) {
        publisher ??= connect({ reconnectPeriod: 200 });
        await (await publisher).publishAsync(addresses.source, body, { qos: 1 });
      },
      async read() {
        const messages: { body: Buffer }[] = [];
        // listens before it connects: the session's messages come at once
        const client = mqtt.connect({
          host: '127.0.0.1',
          port: broker.port,
          protocolVersion: 5,
          ...reader,
        });
        client.on('message', (_topic, body) => void messages.push({ body }));
        await new Promise((resolve, reject) => client.once('connect', resolve).once('error', reject));
        return { messages, close: () => client.endAsync() };
      },
      async admit() {
        await run('mosquitto_passwd', ['-b', users, stranger.username, stranger.password]);
        broker.signal('SIGHUP');
      },
      async stop() {
        await (await publisher)?.endAsync(true);
        await broker.stop();
        await rm(folder, { recursive: true });
      },
    };
  },
};
