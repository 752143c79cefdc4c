import type { Protocol } from '../../core/protocol.ts';
import { mqttAddress } from './address.ts';

const mqtt: Protocol = {
  name: 'mqtt',
  summary: 'MQTT 3.1, 3.1.1 and 5',
  address: mqttAddress,
};

export default mqtt;
