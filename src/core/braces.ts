import { AddressSyntaxError } from './address.ts';

/**
 * Divides a template into its literal texts and what `read` makes of each `{…}`. `{{` and `}}` are braces.
 * @param read gets what stands between the braces, undefined where the closing one is missing, and the offset of `{`
 * @throws AddressSyntaxError with the offset of a `}` that closes nothing
 */
export function parseBraces<Placeholder>(
  text: string,
  read: (inside: string | undefined, offset: number) => Placeholder,
): (string | Placeholder)[] {
  const parts: (string | Placeholder)[] = [];
  let literal = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if ((char === '{' || char === '}') && text[i + 1] === char) {
      literal += char;
      i++;
    } else if (char === '}') {
      throw new AddressSyntaxError('"}" without "{"; write "}}" for a brace', i);
    } else if (char === '{') {
      const end = text.indexOf('}', i);
      const placeholder = read(end < 0 ? undefined : text.slice(i + 1, end), i);
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push(placeholder);
      i = end;
    } else {
      literal += char;
    }
  }
  if (literal !== '') parts.push(literal);
  return parts;
}
