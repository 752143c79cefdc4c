import { splitAddress, type AddressSyntax } from '../../core/address.ts';

const wildcards: readonly string[] = ['*', '#'];

/** AMQP 1.0 leaves addresses to the node; ours are words divided by dots, as topic brokers have them. */
export const amqpAddress: AddressSyntax = {
  separators: '.',
  one: ['*'],
  rest: ['#'],
  maxBytes: 1024,
  invalid(address) {
    if (!address.includes('*') && !address.includes('#')) return undefined;
    const wild = splitAddress(address, '.').find((part) => wildcards.includes(part.replace('.', '')));
    return wild === undefined ? undefined : 'an address to send to must not hold the wildcards * or #';
  },
};

/** Whether an address to receive from is a pattern, which only topics have. */
export const hasWildcards = (address: string): boolean => amqpAddress.invalid!(address) !== undefined;

/**
 * How brokers name the dynamic nodes (§3.5.3) of their clients: Artemis by a UUID, ActiveMQ Classic `temp-queue://ID:…`,
 * RabbitMQ `amq.gen-…`.
 */
export const isBrokerTemporary = (address: string): boolean => dynamicName.test(address);

const dynamicName =
  /^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$|temp-(queue|topic):\/\/.|(\/(amq\/)?queues?\/)?amq\.gen-.)/;
