/** What is wrong with a text that people write (a pattern, a template, a condition), and where in it. */
export class TextSyntaxError extends Error {
  /** In UTF-16 code units from the beginning of the text. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}
