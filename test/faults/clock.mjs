// Preloaded into a gateway: lets its wall clock jump when the test says so. The monotonic clock and timers stay.
const RealDate = Date;
let offset = Number(process.env.FAULT_CLOCK ?? 0);

globalThis.Date = class Date extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(RealDate.now() + offset);
    else super(...parts);
  }
  static now() {
    return RealDate.now() + offset;
  }
};

process.on('message', (message) => {
  if (typeof message?.clock === 'number') offset = message.clock;
});
process.channel?.unref();
