/** The whole command line: global options, and the commands of every noun. */
import { Command, Option } from 'commander';
import { wholeNumber } from './filters.js';
import { addAccountCommands } from './commands/account.js';
import { addArchiveCommands } from './commands/archive.js';
import { addAttemptsCommands } from './commands/attempts.js';
import { addAuthCommands } from './commands/auth.js';
import { addBackupCommands } from './commands/backup.js';
import { addDemoCommand } from './commands/demo.js';
import { addDlqCommands } from './commands/dlq.js';
import { addEvidenceCommands } from './commands/evidence.js';
import { addEventsCommands } from './commands/events.js';
import { addFailuresCommands } from './commands/failures.js';
import { addFindingsCommand } from './commands/findings.js';
import { addForestCommands } from './commands/forest.js';
import { addImportCommands } from './commands/import.js';
import { addOperationCommands } from './commands/operation.js';
import { addPersonCommands } from './commands/person.js';
import { addSpnCommands } from './commands/spn.js';
import { addTicketsCommand } from './commands/tickets.js';
import { addKeyCommands, addTokenCommands } from './commands/token.js';
import { addVerifyCommand } from './commands/verify.js';
import { FORMATS } from './output.js';
import { Sessions, type Terminal } from './session.js';

const HELP = `
Begin with:
  kerbtrail demo                           see everything once, on a recording and on a forest of its own
  kerbtrail import PATH…                   read your own logs and directory dumps
  kerbtrail spn duplicates                 which SPNs are held twice
  kerbtrail failures                       which mutual authentications failed, and why

The server is the one of KERBTRAIL_URL and KERBTRAIL_TOKEN, else the one of the data folder (KERBTRAIL_FOLDER,
default .kerbtrail); if none runs there, it is started for the time of the command.
Exit codes: 0 ok, 1 findings, a failed check or a refusal, 2 usage, 3 environment.`;

/** Commander's own exits and messages are left to main.ts. */
export function createProgram(terminal: Terminal): Command {
  const sessions = new Sessions(terminal);
  const program = new Command('kerbtrail')
    .description('Kerbtrail: every SPN registration and every step of Kerberos mutual authentication, as events.')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(FORMATS).default('table'))
    .addOption(
      new Option(
        '--after <position>',
        'read no state older than this log position (default: all of the log; 0: what is there)',
      ).argParser(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    )
    .option('--token-file <file>', 'file that holds the token to use')
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
    })
    .showHelpAfterError('(--help tells more)')
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .addHelpText('after', HELP);
  addDemoCommand(program, sessions);
  addImportCommands(program, sessions);
  addSpnCommands(program, sessions);
  addAttemptsCommands(program, sessions);
  addFailuresCommands(program, sessions);
  addTicketsCommand(program, sessions);
  addFindingsCommand(program, sessions);
  addEventsCommands(program, sessions);
  addVerifyCommand(program, sessions);
  addEvidenceCommands(program, sessions);
  addForestCommands(program, sessions);
  addAccountCommands(program, sessions);
  addAuthCommands(program, sessions);
  addTokenCommands(program, sessions);
  addKeyCommands(program, sessions);
  addOperationCommands(program, sessions);
  addDlqCommands(program, sessions);
  addArchiveCommands(program, sessions);
  addPersonCommands(program, sessions);
  addBackupCommands(program, sessions);
  return program;
}
