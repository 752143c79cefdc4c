import { testOutages } from './cases.ts';
import { kafka } from './stages.ts';

testOutages(kafka);
