import type { Traits } from '../../core/protocol.ts';

export const rabbitTraits: Traits = {
  headers: 'typed',
  repeatedHeaders: false,
  loses: ['deliveryCount', 'retain'],
  redelivers: true,
};
