import { testOutages } from './cases.ts';
import { mosquitto } from './mosquitto.ts';

testOutages(mosquitto);
