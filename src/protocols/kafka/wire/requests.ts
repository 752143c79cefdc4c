import type { Reader, Writer } from './primitives.ts';

/** A kind of request, in a version of its own, and how its answer is read. */
export interface Request<Answer> {
  readonly api: keyof typeof apiKeys;
  readonly version: number;
  write(to: Writer): void;
  read(from: Reader): Answer;
}

export const apiKeys = {
  Produce: 0,
  Metadata: 3,
  SaslHandshake: 17,
  ApiVersions: 18,
  InitProducerId: 22,
  SaslAuthenticate: 36,
} as const;

/** The highest version that a broker speaks, by api key. */
export type Versions = ReadonlyMap<number, number>;

export const apiVersions: Request<{ readonly error: number; readonly versions: Versions }> = {
  api: 'ApiVersions',
  version: 0,
  write: () => undefined,
  read: (from) => ({
    error: from.int16(),
    versions: new Map(
      from.array(() => {
        const [key] = [from.int16(), from.int16()];
        return [key, from.int16()] as const;
      }),
    ),
  }),
};

export const saslHandshake = (
  mechanism: string,
): Request<{ readonly error: number; readonly mechanisms: readonly string[] }> => ({
  api: 'SaslHandshake',
  version: 1,
  write: (to) => void to.string(mechanism),
  read: (from) => ({ error: from.int16(), mechanisms: from.array(() => from.string()) }),
});

export interface Authenticated {
  readonly error: number;
  readonly message: string | undefined;
  readonly bytes: Buffer;
  /** How long in ms the broker takes requests from now on; 0: for ever (KIP-368). */
  readonly lifetime: number;
}

export const saslAuthenticate = (bytes: Buffer, version: number): Request<Authenticated> => ({
  api: 'SaslAuthenticate',
  version: Math.min(version, 1),
  write: (to) => void to.bytes(bytes),
  read: (from) => ({
    error: from.int16(),
    message: from.nullableString(),
    bytes: from.bytes(),
    lifetime: version >= 1 ? Number(from.int64()) : 0,
  }),
});

/** What makes the sequence numbers of one producer its own; kept by brokers for every partition that it writes to. */
export interface Identity {
  readonly id: bigint;
  readonly epoch: number;
}

/** A new identity; not of a transaction. */
export const initProducerId: Request<{ readonly error: number; readonly identity: Identity }> = {
  api: 'InitProducerId',
  version: 0,
  write: (to) => void to.string(null).int32(0),
  read: (from) => {
    from.int32(); // throttle time
    return { error: from.int16(), identity: { id: from.int64(), epoch: from.int16() } };
  },
};

export interface Metadata {
  readonly brokers: readonly { readonly id: number; readonly host: string; readonly port: number }[];
  readonly topics: readonly {
    readonly error: number;
    readonly name: string;
    readonly partitions: readonly {
      readonly index: number;
      /** The node that takes its records; -1: none for now. */
      readonly leader: number;
    }[];
  }[];
}

/** Where the partitions of topics are. @param create whether brokers may make those that are missing */
export const metadata = (topics: readonly string[], create: boolean): Request<Metadata> => ({
  api: 'Metadata',
  version: 4,
  write: (to) => void to.array(topics, (topic) => to.string(topic)).int8(create ? 1 : 0),
  read: (from) => {
    from.int32(); // throttle time
    const brokers = from.array(() => {
      const broker = { id: from.int32(), host: from.string(), port: from.int32() };
      from.nullableString(); // rack
      return broker;
    });
    from.nullableString(); // cluster
    from.int32(); // controller
    const topics = from.array(() => {
      const topic = { error: from.int16(), name: from.string() };
      from.int8(); // whether it is internal
      return { ...topic, partitions: from.array(() => readPartition(from)) };
    });
    return { brokers, topics };
  },
});

function readPartition(from: Reader): { index: number; leader: number } {
  from.int16(); // an error, of which a missing leader says enough
  const partition = { index: from.int32(), leader: from.int32() };
  from.array(() => from.int32()); // replicas
  from.array(() => from.int32()); // those in sync
  return partition;
}

/** A record batch for one partition. */
export interface Portion {
  readonly topic: string;
  readonly partition: number;
  readonly batch: Buffer;
}

/** What a broker says of one batch. */
export interface Verdict {
  readonly error: number;
  readonly message: string | undefined;
}

export interface Produced {
  /** How long in ms the broker wants no further request. */
  readonly throttle: number;
  /** By topic and partition. */
  readonly verdicts: ReadonlyMap<string, ReadonlyMap<number, Verdict>>;
}

/** The highest version of Produce that we speak; from 8 on the broker explains its errors in words. */
const bestProduce = 8;

/**
 * Writes batches, acknowledged once all replicas that are in sync have them (acks=-1).
 * @param portions at most one of a partition, for older brokers take no more
 * @param version the broker's highest; at least 3
 * @param timeout ms for the replicas
 */
export const produce = (
  portions: readonly Portion[],
  version: number,
  timeout: number,
): Request<Produced> => ({
  api: 'Produce',
  version: Math.min(version, bestProduce),
  write: (to) => {
    const topics = new Map<string, Portion[]>();
    for (const portion of portions) {
      const same = topics.get(portion.topic);
      if (same) same.push(portion);
      else topics.set(portion.topic, [portion]);
    }
    to.string(null).int16(-1).int32(timeout);
    to.array([...topics], ([topic, partitions]) =>
      to.string(topic).array(partitions, ({ partition, batch }) => to.int32(partition).bytes(batch)),
    );
  },
  read: (from) => {
    const verdicts = new Map(
      from.array(() => [from.string(), new Map(from.array(() => readVerdict(from, version)))] as const),
    );
    return { verdicts, throttle: from.int32() };
  },
});

function readVerdict(from: Reader, version: number): readonly [number, Verdict] {
  const partition = from.int32();
  const error = from.int16();
  from.int64(); // offset
  from.int64(); // the time of appending
  if (version >= 5) from.int64(); // the first offset there is
  const reasons =
    version < 8
      ? []
      : from.array(() => {
          from.int32(); // which record
          return from.nullableString();
        });
  const message = (version < 8 ? undefined : from.nullableString()) ?? reasons.find(Boolean);
  return [partition, { error, message }];
}
