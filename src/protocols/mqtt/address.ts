import type { AddressSyntax } from '../../core/address.ts';

/** How deep a topic may be: more is refused, so that no one makes us match thousands of levels. */
export const maxTopicLevels = 100;

/** How many levels a topic or filter has; `a//b` has three. */
export function topicLevels(topic: string): number {
  let levels = 1;
  for (let i = 0; i < topic.length; i++) if (topic.charCodeAt(i) === 0x2f) levels++;
  return levels;
}

/** MQTT topics, MQTT 5 §4.7. */
export const mqttAddress: AddressSyntax = {
  separators: '/',
  one: ['+'],
  rest: ['#'],
  maxBytes: 65_535, // [MQTT-1.5.4], the length of a UTF-8 string
  hidden: '$', // [MQTT-4.7.2-1]
  invalid(address) {
    if (address.includes('+') || address.includes('#'))
      return 'a topic to publish to must not hold the wildcards + or #'; // [MQTT-3.3.2-2]
    if (topicLevels(address) > maxTopicLevels) return `it has more than ${maxTopicLevels} levels`;
    return undefined;
  },
};
