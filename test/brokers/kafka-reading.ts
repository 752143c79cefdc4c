/** How a test's consumer reads a topic: from its first record, without a memory, and with little to wait for. */
export const fromTheFirst = {
  mode: 'earliest',
  autocommit: false,
  maxWaitTime: 50,
  sessionTimeout: 10_000,
  heartbeatInterval: 1000,
} as const;
