/** Of every `period` messages the faulty relay loses the one, and doubles the other. */
export const period = 10_000;
export const losesAt = 5_000;
export const doublesAt = 9_000;

/** How many of `sent` messages are lost or doubled. */
export const expected = (sent: number, at: number): number => Math.floor((sent + period - at) / period);
