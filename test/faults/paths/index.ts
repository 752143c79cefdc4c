import type { Path } from '../path.ts';
import { mqttToKafka } from './mqtt-kafka.ts';

export const paths: readonly Path[] = [mqttToKafka];
