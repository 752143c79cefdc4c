// How many messages one core judges in a second by a condition: node --import tsx bench/filters.ts
import { envelope } from '../src/core/envelope.ts';
import { compileCondition, type ConditionSetting } from '../src/filter/schema.ts';

const messages = Array.from({ length: 64 }, (_, n) =>
  envelope({
    address: 'orders',
    body: Buffer.from(
      `{"amount":${n * 10},"customer":{"name":"Ann","vip":true},"lines":[{"sku":"a","quantity":${n}},{"sku":"b","quantity":2}]}`,
    ),
    contentType: 'application/json',
    headers: [
      ['source', 'shop'],
      ['country', n % 2 === 0 ? 'DE' : 'FR'],
      ['amount', n * 10, 'int'],
      ['text', String(n * 10)],
    ],
  }),
);

const conditions: [setting: ConditionSetting, count: number][] = [
  ['amount > 100', 5_000_000],
  ["amount > 100 AND country IN ('DE', 'AT')", 5_000_000],
  ['text > 100', 5_000_000],
  ["country LIKE 'D%' OR JMSPriority > 4", 5_000_000],
  ['amount * 2 + 1 > 300', 5_000_000],
  [{ cel: 'headers.amount > 100 && headers.country == "DE"' }, 1_000_000],
  [{ cel: 'body.amount > 100 && body.lines.exists(line, line.quantity > 5)' }, 200_000],
];

for (const [setting, count] of conditions) {
  const condition = compileCondition(setting);
  const round = (): number => {
    const before = process.cpuUsage();
    for (let n = 0; n < count; n++) condition.matches(messages[n % messages.length]!);
    const { user, system } = process.cpuUsage(before);
    return count / ((user + system) / 1e6);
  };
  round();
  const rate = [1, 2, 3, 4, 5].map(round).sort((a, b) => a - b)[2]!;
  console.log(`${JSON.stringify(setting)}: ${(rate / 1e6).toFixed(2)} million/s`);
}
