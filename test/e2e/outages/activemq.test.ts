import { testOutages } from './cases.ts';
import { activeMq } from './stages.ts';

testOutages(activeMq);
