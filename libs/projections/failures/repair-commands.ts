/** A repair as the commands of whoever keeps the forest: setspn for a forest that we only observe, kerbtrail for one of ours. */
import type { Repair } from './failure.derivation.js';

const OBSERVED = 'observed:';
/** Whatever a shell could read as more than one word, or as a command. */
const NEEDS_QUOTES = /[^\w@%+=:,./-]/;

export function commandsOf({ take, give, spn }: Repair, forest: string): string[] {
  const isObserved = forest.startsWith(OBSERVED);
  const command = (word: string, setspn: string, account: string): string =>
    isObserved
      ? `setspn ${setspn} ${quoted(spn)} ${quoted(account)}`
      : `kerbtrail spn ${word} ${quoted(account)} ${quoted(spn)}`;
  return [
    ...take.map((account) => command('delete', '-D', account)),
    ...(give === null ? [] : [command('add', '-S', give)]),
  ];
}

function quoted(word: string): string {
  return NEEDS_QUOTES.test(word) ? `'${word.replaceAll("'", `'\\''`)}'` : word;
}
