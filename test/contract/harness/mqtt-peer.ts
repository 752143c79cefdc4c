import mqtt, { type IClientOptions, type IClientPublishOptions, type MqttClient } from 'mqtt';
import type { Answer, Inbox, Peer, PeerMessage } from '../contract.ts';
import { cleanup } from './listener-bench.ts';

/** A mqtt.js client as a peer, of a listener of ours or of a broker. */
export async function connectMqtt(port: number, version: 3 | 4 | 5): Promise<Peer> {
  const options: IClientOptions = {
    host: '127.0.0.1',
    port,
    protocolVersion: version,
    protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
    clientId: `peer-${Math.random().toString(36).slice(2, 10)}`,
    reconnectPeriod: 0,
    connectTimeout: 5000,
  };
  const client = await mqtt.connectAsync(options);
  client.on('error', () => undefined);
  const closed = new Promise<Answer>((resolve) => client.once('close', () => resolve('closed')));
  const held: (() => void)[] = [];
  let hold = false;
  client.handleMessage = (_packet, done) => void (hold ? held.push(() => done()) : done());

  return {
    close: cleanup(async () => void client.end(true)),
    publish: (address, message) => Promise.race([publish(client, version, address, message), closed]),
    async subscribe(address, options = {}): Promise<Inbox> {
      hold = options.hold ?? false;
      const messages: PeerMessage[] = [];
      client.on('message', (topic, body, { properties }) => {
        if (topic !== address) return;
        const pairs = Object.entries(properties?.userProperties ?? {}).flatMap(([name, values]) =>
          [values].flat().map((value) => [name, value] as const),
        );
        messages.push({
          body,
          headers: pairs.filter(([name]) => !name.startsWith('junction-')),
          contentType: properties?.contentType,
          correlationId: properties?.correlationData && String(properties.correlationData),
          replyTo: properties?.responseTopic,
        });
      });
      await client.subscribeAsync(address, { qos: 1 });
      return { messages, confirm: () => held.splice(0).forEach((confirm) => confirm()) };
    },
  };
}

async function publish(
  client: MqttClient,
  version: number,
  address: string,
  message: PeerMessage,
): Promise<Answer> {
  const options: IClientPublishOptions = { qos: 1 };
  if (version === 5) {
    const userProperties: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
    for (const [name, value] of message.headers ?? []) (userProperties[name] ??= []).push(value);
    options.properties = {
      ...(message.headers ? { userProperties } : {}),
      ...(message.contentType === undefined ? {} : { contentType: message.contentType }),
      ...(message.correlationId === undefined ? {} : { correlationData: Buffer.from(message.correlationId) }),
      ...(message.replyTo === undefined ? {} : { responseTopic: message.replyTo }),
    };
  }
  try {
    const ack = (await client.publishAsync(address, message.body, options)) as
      { reasonCode?: number } | undefined;
    return (ack?.reasonCode ?? 0) < 0x80 ? 'accepted' : 'refused';
  } catch (error) {
    // mqtt.js reports a PUBACK with an error code as an error, and a lost connection as another
    return /Publish error/.test((error as Error).message) ? 'refused' : 'closed';
  }
}
