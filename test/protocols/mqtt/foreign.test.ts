import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { afterEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { until } from '../../helpers.ts';
import { closeAll, openListener } from './support.ts';

const run = promisify(execFile);
const has = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
const python = '/usr/bin/python3';
const noPaho = has(python, '-c', 'import paho.mqtt.client') ? false : 'python3-paho-mqtt is not installed';
const noMosquitto = spawnSync('mosquitto_pub', ['--help']).error
  ? 'mosquitto-clients is not installed'
  : false;
const script = fileURLToPath(new URL('paho_peer.py', import.meta.url));

describe('foreign MQTT clients', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  for (const version of [3, 4, 5] as const)
    it(`paho-mqtt, level ${version}`, { skip: noPaho }, async () => {
      const bench = await openListener();
      const { stdout } = await run(python, [script, String(bench.port), String(version)]);
      const user = [
        ['b', '2'],
        ['a', '1'],
        ['b', '3'],
      ];
      assert.deepEqual(
        JSON.parse(stdout),
        [0, 1, 2].map((qos) => [`paho/${qos}`, `m${qos}`, qos, version === 5 ? user : []]),
      );
    });

  for (const version of ['mqttv31', 'mqttv311', 'mqttv5'])
    it(`mosquitto_pub and mosquitto_sub, ${version}`, { skip: noMosquitto }, async () => {
      const bench = await openListener();
      const common = ['-h', '127.0.0.1', '-p', String(bench.port), '-V', version];
      const sub = spawn('mosquitto_sub', [...common, '-t', 'm/#', '-q', '2', '-C', '3', '-v']);
      let out = '';
      sub.stdout.on('data', (data: Buffer) => (out += data.toString()));
      const over = new Promise((resolve) => sub.on('exit', resolve));
      // retained, so that it does not matter who is first
      for (const qos of ['0', '1', '2'])
        await run('mosquitto_pub', [...common, '-t', `m/${qos}`, '-q', qos, '-m', `body ${qos}`, '-r']);
      assert.equal(await over, 0);
      await until(() => out.split('\n').length === 4);
      assert.deepEqual(out.trim().split('\n').sort(), ['m/0 body 0', 'm/1 body 1', 'm/2 body 2']);
    });
});
