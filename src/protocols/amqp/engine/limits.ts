import type { AmqpMap } from '../codec/types.ts';
import type { EngineOptions } from './api.ts';
import type { SaslMechanism } from './sasl-types.ts';

/** No frame may be forbidden to be this small (§2.7.1). */
export const minMaxFrameSize = 512;

/** The options with their defaults. */
export interface Limits {
  readonly containerId: string;
  readonly hostname: string | undefined;
  readonly maxFrameSize: number;
  readonly channelMax: number;
  readonly handleMax: number;
  readonly maxLinks: number;
  readonly idleTimeout: number;
  readonly openTimeout: number;
  readonly maxMessageSize: number;
  readonly maxGathered: number;
  readonly incomingWindow: number;
  readonly mechanisms: readonly SaslMechanism[];
  readonly requireSasl: boolean;
  readonly identity: string | undefined;
  readonly offeredCapabilities: readonly string[];
  readonly properties: AmqpMap | undefined;
}

/** @throws RangeError for values that AMQP does not allow */
export function limitsOf(options: EngineOptions): Limits {
  const limits: Limits = {
    containerId: options.containerId,
    hostname: options.hostname,
    maxFrameSize: options.maxFrameSize ?? 65_536,
    channelMax: options.channelMax ?? 255,
    handleMax: options.handleMax ?? 1_023,
    maxLinks: options.maxLinks ?? 4_096,
    idleTimeout: options.idleTimeout ?? 60_000,
    openTimeout: options.openTimeout ?? 10_000,
    maxMessageSize: options.maxMessageSize ?? 4 * 1024 * 1024,
    maxGathered: options.maxGathered ?? 8 * (options.maxMessageSize ?? 4 * 1024 * 1024),
    incomingWindow: options.incomingWindow ?? 2_048,
    mechanisms: options.mechanisms ?? ['ANONYMOUS'],
    requireSasl: options.requireSasl ?? false,
    identity: options.identity,
    offeredCapabilities: options.offeredCapabilities ?? [],
    properties: options.properties,
  };
  within('maxFrameSize', limits.maxFrameSize, minMaxFrameSize, 0xffff_ffff);
  within('channelMax', limits.channelMax, 0, 0xffff);
  within('handleMax', limits.handleMax, 0, 0xffff_ffff);
  within('incomingWindow', limits.incomingWindow, 1, 0x7fff_ffff);
  within('idleTimeout', limits.idleTimeout, 0, 0xffff_ffff);
  return limits;
}

function within(name: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`${name} must be an integer from ${least} to ${most}, not ${value}`);
}
