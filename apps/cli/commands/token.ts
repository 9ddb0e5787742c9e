/** `kerbtrail token` and `kerbtrail key`: who may use the server, and the key that protects all others. */
import { type Command, Option } from 'commander';
import { resolveAccount } from '../account-names.js';
import { addFilters, type Filter, filtersOf } from '../filters.js';
import { readInstant } from '../instants.js';
import { writeNewFile } from '../new-file.js';
import type { Page } from '../output.js';
import type { Session, Sessions } from '../session.js';
import type { Column } from '../table.js';

type TokenRow = {
  readonly token: string;
  readonly actor: string;
  readonly roles: readonly string[];
  readonly scope: {
    readonly forest?: string;
    readonly domains?: readonly string[];
    readonly accounts?: readonly string[];
  };
  readonly note: string | null;
  readonly expiresAt: string | null;
  readonly createdAt: string;
  readonly revokedAt: string | null;
};

type NewToken = {
  readonly role: readonly string[];
  readonly actor?: string;
  readonly account?: string;
  readonly forest?: string;
  readonly domain?: readonly string[];
  readonly administers?: readonly string[];
  readonly selfOnly?: boolean;
  readonly expires?: string;
  readonly note?: string;
  readonly outFile?: string;
};

const ROLES = ['installer', 'client', 'agent', 'ingest', 'auditor', 'operator'];
const PAGING = ['limit', 'cursor'] as const satisfies readonly Filter[];

const columns: readonly Column<TokenRow>[] = [
  { head: 'TOKEN', value: ({ token }) => token },
  { head: 'ACTOR', value: ({ actor }) => actor },
  { head: 'ROLES', value: ({ roles }) => roles.join(' ') },
  { head: 'SCOPE', value: ({ scope }) => scopeText(scope) },
  { head: 'MADE', value: ({ createdAt }) => createdAt },
  {
    head: 'ENDS',
    value: ({ revokedAt, expiresAt }) => (revokedAt ? 'revoked' : expiresAt),
    paint: (text, _, colors) => colors.dim(text),
  },
  { head: 'NOTE', value: ({ note }) => note, paint: (text, _, colors) => colors.dim(text) },
];

export function addTokenCommands(program: Command, sessions: Sessions): void {
  const token = program
    .command('token')
    .summary('who may use the server')
    .description('Tokens: each names an actor, its roles and what it may touch.');

  token
    .command('create')
    .description('Make a token. Its text is told once: only its digest is kept.')
    .addOption(new Option('--role <role...>', 'what it may do').choices(ROLES).makeOptionMandatory())
    .option('--actor <name>', 'a name of yours for who uses it')
    .option('--account <account>', 'or the account that uses it')
    .option('--forest <forest>', 'limit it to this forest')
    .option('--domain <domain...>', 'limit what it administers to these domains')
    .option('--administers <account...>', 'limit what it administers to these accounts')
    .option('--self-only', 'administers no account: a computer then writes its own SPNs by the validated-write rule')
    .option('--expires <instant>', 'until when it is valid (default: until revoked)', (text) =>
      readInstant(text, new Date()),
    )
    .option('--note <text>', 'what it is for')
    .option('--out-file <file>', 'write it into a file that only you can read, instead of printing it')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail token create --role client --account alice --out-file alice.token\n  kerbtrail token create --role ingest --actor log-shipper --forest observed:corp.example\nNext:\n  kerbtrail --token-file alice.token auth try …',
    )
    .action(sessions.action<[], NewToken>((session, _, options) => createToken(session, options)));

  addFilters(token.command('list'), PAGING)
    .description('All tokens, the newest first; revoked ones too.')
    .action(
      sessions.action(async ({ client, output }, _, options) => {
        output.page(await client.get<Page<TokenRow>>('/v1/tokens', filtersOf(options, PAGING)), columns, 'no token');
      }),
    );

  token
    .command('revoke <token>')
    .description('Revoke a token by its id; it is refused from the next request on.')
    .action(
      sessions.action<[string]>(async ({ client, output }, [id]) => {
        const answer = await client.command('DELETE', `/v1/tokens/${encodeURIComponent(id)}`);
        output.record(answer, [
          ['token', id],
          ['state', 'revoked'],
        ]);
      }),
    );
}

async function createToken({ client, output }: Session, options: NewToken): Promise<void> {
  const { role, account, forest, domain, administers, selfOnly, expires, note, outFile } = options;
  const accountId = account === undefined ? undefined : await resolveAccount(client, account, forest);
  const named = selfOnly ? [] : administers;
  const accounts = named && (await Promise.all(named.map((name) => resolveAccount(client, name, forest))));
  const body = {
    actor: accountId === undefined ? (options.actor ?? 'command-line') : `account:${accountId}`,
    roles: role,
    scope: { forest, domains: domain, accounts },
    expiresAt: expires,
    note,
  };
  const ask = () => client.command<{ token: string; text: string }>('POST', '/v1/tokens', body);
  if (outFile === undefined) {
    const answer = await ask();
    output.record(answer, [
      ['token', answer.token],
      ['text', answer.text],
    ]);
    output.say(output.colors.dim('This text is shown once. Use it by KERBTRAIL_TOKEN or --token-file.'));
    return;
  }
  const { text: _, ...told } = await writeNewFile(outFile, ask, ({ text }) => `${text}\n`);
  output.record(told, [
    ['token', told.token],
    ['written to', outFile],
  ]);
}

export function addKeyCommands(program: Command, sessions: Sessions): void {
  const key = program
    .command('key')
    .summary('the key-encryption key')
    .description('The key-encryption key, under which every account key is stored.');
  key
    .command('export')
    .description('Give out the key for a backup, kept apart from the backups of the database. Recorded as an event.')
    .requiredOption('--out-file <file>', 'a new file, which only you can read')
    .addHelpText(
      'after',
      '\nExample:\n  kerbtrail key export --out-file kerbtrail.kek\nWithout this key a restored database cannot authenticate anybody.',
    )
    .action(
      sessions.action<[], { readonly outFile: string }>(async ({ client, output }, _, { outFile }) => {
        const ask = () => client.command<{ key: string; fingerprint: string }>('POST', '/v1/keys/export');
        const { key: _key, ...told } = await writeNewFile(outFile, ask, ({ key }) => `${key}\n`);
        output.record(told, [
          ['fingerprint', told.fingerprint],
          ['written to', outFile],
        ]);
      }),
    );
}

function scopeText({ forest, domains, accounts }: TokenRow['scope']): string {
  const parts = [
    forest,
    domains && `domains ${domains.join(' ')}`,
    accounts && (accounts.length === 0 ? 'itself only' : `accounts ${accounts.join(' ')}`),
  ];
  return parts.filter(Boolean).join('; ') || 'all';
}
