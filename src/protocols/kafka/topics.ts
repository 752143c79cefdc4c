import type { Admin, Kafka } from 'kafkajs';
import type { AddressPattern } from '../../core/address.ts';
import { topicFilter } from './address.ts';
import type { KafkaClientConfig } from './config.ts';

export interface Selection {
  /** The topics to read, sorted. */
  readonly topics: readonly string[];
  /** Those that a route names and that do not exist. */
  readonly missing: readonly string[];
}

/** Finds the topics that patterns select. A topic named in full is created if the brokers do that of themselves. */
export async function selectTopics(
  kafka: Kafka,
  admin: Admin,
  patterns: readonly AddressPattern[],
): Promise<Selection> {
  const named = patterns.filter((pattern) => pattern.literal).map((pattern) => pattern.text);
  const filters = patterns.filter((pattern) => !pattern.literal).map(topicFilter);
  let existing = new Set(await admin.listTopics());
  const absent = named.filter((topic) => !existing.has(topic));
  if (absent.length > 0) {
    await summon(kafka, absent);
    existing = new Set(await admin.listTopics());
  }
  const topics = new Set(named.filter((topic) => existing.has(topic)));
  for (const topic of existing) if (filters.some((filter) => filter.test(topic))) topics.add(topic);
  return { topics: [...topics].sort(), missing: named.filter((topic) => !existing.has(topic)) };
}

/** Asks for the topics’ metadata as a reader does, which makes brokers create them that are so configured. */
async function summon(kafka: Kafka, topics: readonly string[]): Promise<void> {
  const asker = kafka.consumer({ groupId: 'junction-discovery', allowAutoTopicCreation: true });
  try {
    await asker.connect();
    for (const topic of topics) await asker.subscribe({ topics: [topic] }).catch(() => undefined);
  } finally {
    await asker.disconnect();
  }
}

/**
 * Where the group is to begin at the end of a topic, commits that end before reading: otherwise every reconnect
 * before the first message would begin at a later end, and lose what lies between.
 */
export async function commitBeginnings(
  admin: Admin,
  topics: readonly string[],
  { group, from }: KafkaClientConfig,
): Promise<void> {
  if (from === 'earliest' || topics.length === 0) return;
  const known = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
  for (const { topic, partitions } of known) {
    const fresh = new Set(
      partitions.filter(({ offset }) => offset === '-1').map(({ partition }) => partition),
    );
    if (fresh.size === 0) continue;
    const ends = (await admin.fetchTopicOffsets(topic)).filter(({ partition }) => fresh.has(partition));
    await admin.setOffsets({
      groupId: group,
      topic,
      partitions: ends.map(({ partition, high }) => ({ partition, offset: high })),
    });
  }
}
