import mqtt from '../../../src/protocols/mqtt/index.ts';
import { startMosquitto, unavailable } from '../../brokers/index.ts';
import { keptLog, until } from '../../helpers.ts';
import type { ClientHarness } from '../contract.ts';
import { keptPeers } from './listener-bench.ts';
import { connectMqtt } from './mqtt-peer.ts';

let serial = 0;

/** One Mosquitto serves all cases; `end` stops it. */
export async function mqttClientHarness(
  version: 4 | 5,
): Promise<{ harness: ClientHarness; end: () => Promise<void> }> {
  const skip = await unavailable('mosquitto');
  const broker = skip ? undefined : await startMosquitto({ config: ['max_queued_messages 10000'] });
  return {
    end: async () => void (await broker?.stop()),
    harness: {
      name: `the MQTT ${version === 5 ? '5' : '3.1.1'} client, at Mosquitto`,
      protocol: 'mqtt',
      role: 'client',
      traits: mqtt.client!.traits,
      skip,
      address: (word) => `contract/${word}`,
      largest: 1024 * 1024,
      peerLacks: version === 5 ? [] : ['headers', 'contentType', 'correlationId', 'replyTo'],
      create: async ({ window }) => {
        const clientId = `contract-${process.pid}-${serial++}`;
        const make = () =>
          mqtt.client!.create(
            mqtt.client!.config.parse({
              url: `mqtt://${broker!.at}`,
              client_id: clientId,
              version,
              window,
            }),
            { name: 'under-test', log: keptLog() },
          );
        const endpoint = make();
        return {
          endpoint,
          again: make,
          ...keptPeers(async () => {
            await until(() => endpoint.status().state === 'ready', 'the endpoint is ready');
            return connectMqtt(broker!.port, version);
          }),
          stopBroker: () => broker!.kill('SIGTERM'),
          startBroker: () => broker!.start(),
        };
      },
    },
  };
}
