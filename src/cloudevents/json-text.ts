// JSON is taken apart as text and not as values, so that data goes through as it was written: numbers of any length, and
// white space. All of these expect text that JSON.parse has accepted.

/** The members of an object in order, each value as it is written; names may repeat. */
export function membersOf(text: string): [name: string, raw: string][] {
  const members: [string, string][] = [];
  let at = behindSpace(text, text.indexOf('{') + 1);
  while (text[at] === '"') {
    const nameEnd = stringEnd(text, at);
    const start = behindSpace(text, text.indexOf(':', nameEnd) + 1);
    const end = valueEnd(text, start);
    members.push([JSON.parse(text.slice(at, nameEnd)) as string, text.slice(start, end).trimEnd()]);
    at = text[end] === ',' ? behindSpace(text, end + 1) : end;
  }
  return members;
}

/** The elements of a list, as they are written. */
export function elementsOf(text: string): string[] {
  const elements: string[] = [];
  let at = behindSpace(text, text.indexOf('[') + 1);
  while (text[at] !== ']') {
    const end = valueEnd(text, at);
    elements.push(text.slice(at, end).trimEnd());
    at = text[end] === ',' ? behindSpace(text, end + 1) : end;
  }
  return elements;
}

function behindSpace(text: string, at: number): number {
  while (' \t\n\r'.includes(text[at]!)) at++;
  return at;
}

/** @param at of the opening quote */
function stringEnd(text: string, at: number): number {
  for (let i = at + 1; ; i++)
    if (text[i] === '\\') i++;
    else if (text[i] === '"') return i + 1;
}

/** Where the comma, brace or bracket behind a value is. */
function valueEnd(text: string, at: number): number {
  let depth = 0;
  for (let i = at; ; i++) {
    const char = text[i];
    if (char === '"') i = stringEnd(text, i) - 1;
    else if (char === '{' || char === '[') depth++;
    else if (depth === 0 && (char === ',' || char === '}' || char === ']')) return i;
    else if (char === '}' || char === ']') depth--;
  }
}
