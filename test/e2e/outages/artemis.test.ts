import { testOutages } from './cases.ts';
import { artemis } from './stages.ts';

testOutages(artemis);
