import { testOutages } from './cases.ts';
import { rocketMq } from './rocketmq.ts';

testOutages(rocketMq);
