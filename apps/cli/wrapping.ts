/** Text broken at spaces to fit a terminal; colour codes take no room. */

const LEAD = new RegExp(String.raw`^(?:\u001b\[\d+m| )*`);
const COLOUR_CODE = new RegExp(String.raw`\u001b\[\d+m`, 'g');

/** A wrapped line goes on below its own beginning, `indent` further in. `width` undefined: as it is. A longer word stays whole. */
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
  const lead = LEAD.exec(line)?.[0] ?? '';
  const margin = lead.replaceAll(COLOUR_CODE, '') + indent;
  const [first = '', ...words] = line.slice(lead.length).split(/ +/);
  const lines = [lead + first];
  for (const word of words) {
    const longer = `${lines.at(-1)} ${word}`;
    if (visibleLength(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(margin + word);
  }
  return lines.join('\n');
}
