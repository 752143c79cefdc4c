import type { Traits } from '../../core/protocol.ts';

/** What STOMP 1.2 holds on a listener. */
export const stompTraits: Traits = {
  headers: 'text',
  repeatedHeaders: false,
  // of deliveryCount only whether it is 0 remains, as `redelivered`
  loses: ['retain', 'deliveryCount'],
  ids: 'header',
  redelivers: false,
};

/** 1.0 has no escapes and 1.1 none for CR: what they cannot write is encoded. */
export const olderStompTraits: Traits = { ...stompTraits, controlCharacters: 'encoded' };

/** As a client of a broker, which gives each message an id and a time. */
export const stompClientTraits: Traits = {
  ...stompTraits,
  headerOrder: 'lost', // by ActiveMQ
  supplies: ['id', 'timestamp'],
  redelivers: true,
};
