/** Text broken at spaces to fit a terminal; colour codes take no room. */

const COLOUR_CODE = new RegExp(String.raw`\u001b\[\d+m`, 'g');

/** Lines after the first of each paragraph are indented. `width` undefined: as it is. A longer word stays whole. */
export function wrapWords(text: string, width: number | undefined, indent = ''): string {
  if (width === undefined) return text;
  return text
    .split('\n')
    .map((line) => wrapLine(line, width, indent))
    .join('\n');
}

export function visibleLength(text: string): number {
  return text.replaceAll(COLOUR_CODE, '').length;
}

function wrapLine(line: string, width: number, indent: string): string {
  if (visibleLength(line) <= width) return line;
  const [first = '', ...words] = line.split(/(?<=\S) +/);
  const lines = [first];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (visibleLength(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(`${indent}${word}`);
  }
  return lines.join('\n');
}
