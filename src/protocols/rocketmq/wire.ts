/**
 * The generated stubs of RocketMQ's gRPC protocol (apache.rocketmq.v2), which rocketmq-client-nodejs brings along. Its
 * client above them is not used: after a proxy's end its telemetry streams fail without a listener, which ends our
 * process, and they are renewed for ever, after its shutdown too.
 */
import duration from 'google-protobuf/google/protobuf/duration_pb.js';
import timestamp from 'google-protobuf/google/protobuf/timestamp_pb.js';
import definition from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/definition_pb.js';
import stub from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_grpc_pb.js';
import service from 'rocketmq-client-nodejs/proto/apache/rocketmq/v2/service_pb.js';

export const { Code, MessageType } = definition;
export { definition, service, stub, timestamp };

export type Message = definition.Message;
export type Stub = stub.MessagingServiceClient;

/** A duration of whole ms. */
export const durationOf = (ms: number): duration.Duration =>
  new duration.Duration().setSeconds(Math.floor(ms / 1000)).setNanos((ms % 1000) * 1e6);

/** A time in ms since the epoch; fractions of ms are dropped. */
export const timestampOf = (ms: number): timestamp.Timestamp => {
  const seconds = Math.floor(ms / 1000);
  return new timestamp.Timestamp().setSeconds(seconds).setNanos(Math.floor(ms - seconds * 1000) * 1e6);
};

export const millisOf = (time: timestamp.Timestamp): number =>
  time.getSeconds() * 1000 + Math.floor(time.getNanos() / 1e6);

/** The name of a topic or group. */
export const resource = (name: string, namespace: string): definition.Resource =>
  new definition.Resource().setName(name).setResourceNamespace(namespace);
