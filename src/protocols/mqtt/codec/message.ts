export type QoS = 0 | 1 | 2;

/** What an MQTT 5 PUBLISH or will says beside topic and payload (MQTT 5 §3.3.2.3). Every field is always present. */
export interface MessageProperties {
  /** Payload Format Indicator: the payload is UTF-8 text. */
  readonly text: boolean | undefined;
  /** Message Expiry Interval in seconds. */
  readonly expiry: number | undefined;
  readonly contentType: string | undefined;
  readonly responseTopic: string | undefined;
  readonly correlationData: Buffer | undefined;
  /** User properties, in order, names may repeat [MQTT-3.3.2-17, -18]. */
  readonly user: readonly (readonly [string, string])[];
}

/** An application message as MQTT has it; the form that both the listener and the client map from and to. */
export interface MqttMessage {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Undefined where the message has none: from MQTT 3, or an MQTT 5 message without properties. */
  readonly properties: MessageProperties | undefined;
}
