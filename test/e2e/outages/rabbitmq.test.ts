import { testOutages } from './cases.ts';
import { rabbitMq } from './stages.ts';

testOutages(rabbitMq);
