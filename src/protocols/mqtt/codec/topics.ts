import { maxTopicLevels, topicLevels } from '../address.ts';
import { Reason } from './reasons.ts';
import { malformed, protocolError, Violation } from './violation.ts';

/** @throws Violation for what is not the name of a topic to publish to (MQTT 5 §4.7) */
export function checkTopicName(topic: string): void {
  if (topic.length === 0) throw protocolError('an empty topic'); // [MQTT-4.7.3-1]
  if (topic.includes('+') || topic.includes('#')) throw malformed('a wildcard in the topic of a message'); // [MQTT-3.3.2-2]
  if (topicLevels(topic) > maxTopicLevels)
    throw new Violation(Reason.topicNameInvalid, `a topic of more than ${maxTopicLevels} levels`);
}

/** @throws Violation for what is not a filter to subscribe to (MQTT 5 §4.7.1, §4.8.2) */
export function checkFilter(filter: string): void {
  if (filter.length === 0) throw malformed('an empty topic filter'); // [MQTT-4.7.3-1]
  if (topicLevels(filter) > maxTopicLevels)
    throw new Violation(Reason.topicFilterInvalid, `a topic filter of more than ${maxTopicLevels} levels`);
  const levels = filter.split('/');
  levels.forEach((level, index) => {
    if (level.includes('#') && (level.length > 1 || index < levels.length - 1))
      throw malformed('the wildcard # must be the whole last level of a filter'); // [MQTT-4.7.1-1]
    if (level.includes('+') && level.length > 1)
      throw malformed('the wildcard + must be a whole level of a filter'); // [MQTT-4.7.1-2]
  });
  if (levels[0] === '$share') {
    const name = levels[1] ?? '';
    if (name.length === 0 || /[+#]/.test(name) || levels.length < 3 || filter.length === 8 + name.length)
      throw malformed('a shared subscription is written $share/name/filter'); // [MQTT-4.8.2-1, -2]
  }
}

/** Whether a topic matches a filter, both valid. */
export function filterMatches(filter: string, topic: string): boolean {
  if (topic.charCodeAt(0) === 0x24 && (filter.charCodeAt(0) === 0x2b || filter.charCodeAt(0) === 0x23))
    return false; // [MQTT-4.7.2-1]
  const wanted = filter.split('/');
  const given = topic.split('/');
  for (let i = 0; i < wanted.length; i++) {
    if (wanted[i] === '#') return true;
    if (i >= given.length || (wanted[i] !== '+' && wanted[i] !== given[i])) return false;
  }
  return wanted.length === given.length;
}
