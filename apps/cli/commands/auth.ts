/** `kerbtrail auth try`: one whole mutual authentication as the client, with every step told. */
import { composeSpn, parseSpn, type SpnParts } from '#spn';
import { type Command, Option } from 'commander';
import { CliError, EXIT, type ExitCode, usageError } from '../cli.error.js';
import { authenticate, type Exchange, type ExchangeStep, type Service } from '../exchange.js';
import { wholeNumber } from '../filters.js';
import { forgetLogon, keepLogon, keptLogon } from '../kept-logons.js';
import type { Output } from '../output.js';
import { PASSWORD_VARIABLE, readPassword } from '../password.js';
import type { Session, Sessions } from '../session.js';
import { meanings, paintOutcome } from '../steps.js';
import type { Column } from '../table.js';

type TryOptions = {
  readonly forest: string;
  readonly client: string;
  readonly url: string;
  readonly spn?: string;
  readonly class?: string;
  readonly host?: string;
  readonly port?: number;
  readonly name?: string;
  readonly domain?: string;
  readonly newLogon?: boolean;
  readonly passwordStdin?: boolean;
};

const exchangeColumns: readonly Column<ExchangeStep>[] = [
  { head: 'STEP', value: ({ step }) => (step === 'application' ? 'after' : step) },
  { head: 'WHAT HAPPENS', value: ({ step }) => meanings[step] },
  { head: 'OUTCOME', value: ({ outcome }) => outcome, paint: paintOutcome },
  {
    head: 'DETAIL',
    value: ({ code, detail }) => (code ? `${code}: ${detail}` : detail),
    paint: (text, { outcome }, colors) => (outcome === 'failed' ? colors.red(text) : colors.dim(text)),
  },
];

export function addAuthCommands(program: Command, sessions: Sessions): void {
  program
    .command('auth')
    .summary('authenticate to a service, step by step')
    .description('Authentication as a client.')
    .command('try')
    .description(
      'Go through one mutual authentication (S1–S9) and one application request. Needs a token of role client. ' +
        `The password is asked for without echo, read with --password-stdin, or taken from ${PASSWORD_VARIABLE}; it never leaves this process. ` +
        'The logon is kept in the data folder and used again while it is valid.',
    )
    .requiredOption('--forest <forest>', 'forest of the client')
    .requiredOption('--client <name>', 'client: sAMAccountName or UPN')
    .requiredOption('--url <url>', 'where the service listens')
    .option('--spn <spn>', 'the service, as a complete SPN')
    .option('--class <class>', 'or its parts, to compose the SPN from: the service class')
    .option('--host <host>', 'the host')
    .addOption(new Option('--port <n>', 'the port, when it is not the default one').argParser(wholeNumber(1, 65_535)))
    .option('--name <name>', 'the service name of a replicable service')
    .option('--domain <dns-name>', 'the domain of a domain-wide service')
    .option('--new-logon', 'prove the password again, although a logon is kept')
    .option('--password-stdin', 'read the password from standard input')
    .addHelpText(
      'after',
      `
Examples:
  kerbtrail --token-file alice.token auth try --forest corp.example --client alice \\
    --spn HTTP/web1.corp.example --url http://127.0.0.1:9001
  kerbtrail auth try --forest corp.example --client alice --class HTTP --host web1.corp.example --url http://127.0.0.1:9001
Next:
  kerbtrail attempts --spn HTTP/web1.corp.example, kerbtrail failures
Exit code 1 when the authentication failed.`,
    )
    .action(sessions.action<[], TryOptions>((session, _, options) => tryOnce(session, options)));
}

async function tryOnce({ client, folder, output, terminal }: Session, options: TryOptions): Promise<ExitCode> {
  const { forest, client: clientName, url, newLogon, passwordStdin } = options;
  const now = new Date();
  const kept = newLogon ? undefined : keptLogon(folder, forest, clientName, now);
  const password = () => readPassword({ ...terminal, fromStdin: passwordStdin }, `password of ${clientName}`);
  let exchange: Exchange;
  try {
    const plan = { forest, clientName, logon: kept, password, service: serviceOf(options), serviceUrl: url };
    exchange = await authenticate(client, plan);
  } catch (error) {
    if (kept && error instanceof CliError && error.code === 'AUTH_LOGON_UNKNOWN') forgetLogon(folder, kept, now);
    throw error;
  }
  if (exchange.logon) keepLogon(folder, exchange.logon, now);
  const { logon: _, ...told } = exchange;
  if (output.format === 'table') showExchange(output, exchange);
  else output.record(told, []);
  return exchange.outcome === 'failed' ? EXIT.findings : EXIT.ok;
}

export function showExchange(output: Output, { outcome, steps, presentation, request }: Exchange): void {
  output.rows(steps, exchangeColumns, '');
  output.say();
  const { colors } = output;
  const verdict = outcome === 'failed' ? colors.red('authentication failed') : colors.green('mutually authenticated');
  const id = presentation ?? request;
  output.say(id ? `${verdict}  ${colors.dim(`kerbtrail attempts show ${id}`)}` : verdict);
}

/** The SPN as given, or as the KDC is to compose it; both are checked here first. */
function serviceOf({ spn, class: serviceClass, host, port, name, domain }: TryOptions): Service {
  if (spn !== undefined) {
    if (serviceClass !== undefined || host !== undefined) throw usageError('give either --spn or its parts, not both');
    return { spn: parseSpn(spn).raw };
  }
  if (serviceClass === undefined || host === undefined)
    throw usageError('name the service: --spn, or --class and --host');
  if (domain !== undefined && (name !== undefined || port !== undefined)) {
    throw usageError('a domain-wide service has neither a port nor a name: leave out --domain, or both others');
  }
  const compose: SpnParts =
    domain !== undefined
      ? { kind: 'domain', serviceClass, host, domain }
      : name !== undefined
        ? { kind: 'replicable', serviceClass, host, serviceName: name, ...(port === undefined ? {} : { port }) }
        : { kind: 'host', serviceClass, host, ...(port === undefined ? {} : { port }) };
  composeSpn(compose);
  return { compose };
}
