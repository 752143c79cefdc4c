import stomp from '../../../src/protocols/stomp/index.ts';
import { startActiveMq, startArtemis, startRabbitMq, unavailable, type Broker } from '../../brokers/index.ts';
import { keptLog, until } from '../../helpers.ts';
import type { ClientHarness } from '../contract.ts';
import { keptPeers } from './listener-bench.ts';
import { connectStompJs } from './stomp-js.ts';

export type StompBroker = Broker & { readonly stompPort: number };

export const stompBrokers = {
  rabbitmq: (): Promise<StompBroker> => startRabbitMq(),
  artemis: (): Promise<StompBroker> => startArtemis(),
  activemq: (): Promise<StompBroker> => startActiveMq(),
};

/** Where all three let in whoever has no credentials, or these. */
export const stompLogins = {
  rabbitmq: { username: 'guest', password: 'guest' },
  artemis: { username: 'admin', password: 'admin' },
  activemq: undefined,
};

/** One broker serves all cases; `end` stops it. */
export async function stompClientHarness(
  name: keyof typeof stompBrokers,
): Promise<{ harness: ClientHarness; end: () => Promise<void> }> {
  const skip = await unavailable(name);
  const broker = skip ? undefined : await stompBrokers[name]();
  return {
    end: async () => void (await broker?.stop()),
    harness: {
      name: `the STOMP client, at ${name}`,
      protocol: 'stomp',
      role: 'client',
      traits: stomp.client!.traits,
      skip,
      address: (word) => `/queue/${word}`,
      largest: 1024 * 1024,
      peerLacks: [],
      create: ({ window }) => {
        const make = () =>
          stomp.client!.create(
            stomp.client!.config.parse({
              url: `stomp://127.0.0.1:${broker!.stompPort}`,
              window,
              timeout: '3s',
              ...stompLogins[name],
            }),
            { name: 'under-test', log: keptLog() },
          );
        const endpoint = make();
        return Promise.resolve({
          endpoint,
          again: make,
          ...keptPeers(async () => {
            await until(() => endpoint.status().state === 'ready', 'the endpoint is ready', 60_000);
            return connectStompJs(broker!.stompPort, stompLogins[name]);
          }),
          stopBroker: () => broker!.kill('SIGKILL'),
          startBroker: () => broker!.start(),
        });
      },
    },
  };
}
