/** Rows that come ordered by a key, some thousand at a time, cut so that the rows of one key always stay together. */
export async function* inGroups<Row>(
  pages: AsyncIterable<readonly Row[]>,
  keyOf: (row: Row) => string,
): AsyncGenerator<Row[]> {
  let open: Row[] = [];
  for await (const page of pages) {
    const last = page.at(-1);
    if (!last) continue;
    const key = keyOf(last);
    const cut = page.findIndex((row) => keyOf(row) === key);
    const isOneKey = cut === 0 && (open.length === 0 || keyOf(open[0]!) === key);
    if (isOneKey) open.push(...page);
    else {
      yield [...open, ...page.slice(0, cut)];
      open = page.slice(cut);
    }
  }
  if (open.length > 0) yield open;
}
