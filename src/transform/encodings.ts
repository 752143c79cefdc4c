/** What bodies can be compressed with, as a content encoding names it (RFC 9110 §8.4.1, RFC 7932, RFC 8878). */
export const encodings = ['gzip', 'deflate', 'br', 'zstd'] as const;

export type Encoding = (typeof encodings)[number];
