/**
 * Microseconds on the host's monotonic clock (CLOCK_MONOTONIC), the same in every process of one machine; a double
 * holds them to the nanosecond for 104 days of uptime.
 */
export const now = (): number => Number(process.hrtime.bigint()) / 1000;
