/** Class and method of AMQP 0-9-1 in one number; `confirm` and `connection.blocked` are RabbitMQ's extensions. */
const id = (classId: number, methodId: number): number => classId * 65_536 + methodId;

export const Method = {
  connectionStart: id(10, 10),
  connectionStartOk: id(10, 11),
  connectionSecure: id(10, 20),
  connectionTune: id(10, 30),
  connectionTuneOk: id(10, 31),
  connectionOpen: id(10, 40),
  connectionOpenOk: id(10, 41),
  connectionClose: id(10, 50),
  connectionCloseOk: id(10, 51),
  connectionBlocked: id(10, 60),
  connectionUnblocked: id(10, 61),
  channelOpen: id(20, 10),
  channelOpenOk: id(20, 11),
  channelFlow: id(20, 20),
  channelFlowOk: id(20, 21),
  channelClose: id(20, 40),
  channelCloseOk: id(20, 41),
  exchangeDeclare: id(40, 10),
  exchangeDeclareOk: id(40, 11),
  exchangeBind: id(40, 30),
  exchangeBindOk: id(40, 31),
  queueDeclare: id(50, 10),
  queueDeclareOk: id(50, 11),
  queueBind: id(50, 20),
  queueBindOk: id(50, 21),
  basicQos: id(60, 10),
  basicQosOk: id(60, 11),
  basicConsume: id(60, 20),
  basicConsumeOk: id(60, 21),
  basicCancel: id(60, 30),
  basicCancelOk: id(60, 31),
  basicPublish: id(60, 40),
  basicReturn: id(60, 50),
  basicDeliver: id(60, 60),
  basicAck: id(60, 80),
  basicReject: id(60, 90),
  basicNack: id(60, 120),
  confirmSelect: id(85, 10),
  confirmSelectOk: id(85, 11),
} as const;

export const FrameType = { method: 1, header: 2, body: 3, heartbeat: 8 } as const;

/** The octet after every frame's payload (§2.3.5). */
export const frameEnd = 0xce;

/** Octets of a frame beside its payload. */
export const frameOverhead = 8;

/** The class of messages. */
export const basicClass = 60;
