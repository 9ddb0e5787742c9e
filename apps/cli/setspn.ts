/**
 * The habits of setspn: `kerbtrail spn -S HTTP/web1 svc-web` is `kerbtrail spn add --check svc-web HTTP/web1`. The switches are
 * rewritten before the arguments are parsed, so that there is one meaning of each command and one help text.
 *
 *   -S SPN ACCOUNT  add, after checking    -A SPN ACCOUNT  add as is       -D SPN ACCOUNT  delete
 *   -L ACCOUNT      list                   -Q SPN          query, * and ?  -X              duplicates
 *
 * The modifiers -F (whole forest), -P (no progress), -C and -U (computer, user) say what is so here anyway; -T takes a forest.
 */
import { usageError } from './cli.error.js';

type Switch = { readonly command: readonly string[]; readonly operands: readonly string[] };

const switches: Readonly<Record<string, Switch>> = {
  '-S': { command: ['add', '--check'], operands: ['SPN', 'ACCOUNT'] },
  '-A': { command: ['add'], operands: ['SPN', 'ACCOUNT'] },
  '-D': { command: ['delete'], operands: ['SPN', 'ACCOUNT'] },
  '-L': { command: ['list'], operands: ['ACCOUNT'] },
  '-Q': { command: ['query'], operands: ['SPN'] },
  '-X': { command: ['duplicates'], operands: [] },
};

const idleModifiers = new Set(['-F', '-P', '-C', '-U']);

/** The arguments as they are, unless they begin with `spn` and a switch of setspn. Throws a usage error. */
export function rewriteSetspn(args: readonly string[]): readonly string[] {
  if (args[0] !== 'spn') return args;
  const { options, rest } = readModifiers(args.slice(1));
  const [name = '', ...operands] = rest;
  const known = switches[name.toUpperCase()];
  if (name.toUpperCase() === '-R') {
    throw usageError(
      'setspn -R resets the HOST names of a computer, which is not done here',
      'kerbtrail spn set ACCOUNT SPN…',
    );
  }
  if (!known) return args;
  const given = operands.slice(0, known.operands.length);
  if (given.length < known.operands.length || given.some((operand) => operand.startsWith('-'))) {
    throw usageError(`spn ${name} takes ${known.operands.join(' and ')}`, `kerbtrail spn ${known.command[0]} --help`);
  }
  return ['spn', ...known.command, ...given.toReversed(), ...operands.slice(given.length), ...options];
}

/** `-T *` means every forest, which is so without it. */
function readModifiers(args: readonly string[]): { options: readonly string[]; rest: readonly string[] } {
  const [first = '', second] = args;
  if (idleModifiers.has(first.toUpperCase())) return readModifiers(args.slice(1));
  if (first.toUpperCase() !== '-T' || second === undefined) return { options: [], rest: args };
  const { options, rest } = readModifiers(args.slice(2));
  return { options: second === '*' ? options : ['--forest', second, ...options], rest };
}
