/** `kerbtrail person`: what is kept of a person, and erasing it. */
import type { Command } from 'commander';
import { createInterface } from 'node:readline/promises';
import { CliError, EXIT } from '../cli.error.js';
import type { Session, Sessions } from '../session.js';

type Found = {
  readonly accounts: readonly { readonly forest: string; readonly account: string; readonly deleted: boolean }[];
  readonly names: readonly string[];
  readonly forests: readonly string[];
  readonly events: number;
  readonly keys: number;
};

type Erased = { readonly erasure: string; readonly keys: number; readonly position: number };

type EraseOptions = {
  readonly forest?: string;
  readonly reason: string;
  readonly yes?: boolean;
  readonly dryRun?: boolean;
};

const NAMES_SHOWN = 40;

export function addPersonCommands(program: Command, sessions: Sessions): void {
  program
    .command('person')
    .summary('erase what is kept of a person')
    .description('Personal data: it is sealed under keys of its own, and erased by deleting these.')
    .command('erase <name>')
    .description(
      'Erase a person for good, by any of their names: the keys are deleted, and the read models built anew without them. The events stay, and so do their proofs; pseudonyms stand for what they told of the person.',
    )
    .option('--forest <forest>', 'only what is known in this forest (default: in all of them)')
    .option('--reason <text>', 'what for, without naming the person: it is recorded', 'erasure asked for')
    .option('--dry-run', 'show what would be erased, and stop')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail person erase alice@CORP.EXAMPLE --dry-run\n  kerbtrail person erase alice@CORP.EXAMPLE --reason "request 4711"\nBackups of the keys made before bring the person back: see docs/personal-data.md.',
    )
    .action(sessions.action<[string], EraseOptions>((session, [name], options) => erase(session, name, options)));
}

async function erase(session: Session, name: string, options: EraseOptions): Promise<void> {
  const { client, output } = session;
  const { forest, reason, yes, dryRun } = options;
  const found = await client.get<Found>('/v1/persons', { name, forest });
  if (dryRun || output.format === 'table') show(session, found);
  if (dryRun) return;
  if (!yes) await confirm(session, found);
  const erased = await client.command<Erased>('POST', '/v1/persons/erase', { names: [name], forest, reason });
  output.record(erased, [
    ['erasure', erased.erasure],
    ['keys deleted', erased.keys],
    ['done at', erased.position],
  ]);
}

function show({ output }: Session, found: Found): void {
  const names = found.names.slice(0, NAMES_SHOWN);
  const more = found.names.length - names.length;
  output.record(found, [
    ['accounts', found.accounts.map(({ forest, account }) => `${account} of ${forest}`).join('\n')],
    ['names', [...names, ...(more > 0 ? [`and ${more} more`] : [])].join('\n')],
    ['forests', found.forests.join('\n')],
    ['events', found.events],
    ['keys', found.keys],
  ]);
}

/** Asked on a terminal only: a script says --yes. */
async function confirm({ terminal, output }: Session, { events }: Found): Promise<void> {
  const refused = new CliError(EXIT.usage, 'ERASURE_NOT_CONFIRMED', 'nothing was erased', {
    next: 'say --yes, or answer "erase"',
  });
  if (!terminal.stdin.isTTY) throw refused;
  output.say('This cannot be undone.');
  const question = createInterface({ input: terminal.stdin, output: terminal.stderr });
  const answer = await question.question(`Type "erase" to erase the person from ${events} events: `);
  question.close();
  if (answer.trim() !== 'erase') throw refused;
}
