/** Which account of our own a person means: by id, sAMAccountName, user principal name or DOMAIN\name. */
import type { Client } from './client.js';
import { CliError, EXIT } from './cli.error.js';
import type { Page } from './output.js';

export type AccountRow = {
  readonly forest: string;
  readonly account: string;
  readonly domain: string | null;
  readonly kind: string | null;
  readonly samAccountName: string | null;
  readonly userPrincipalName: string | null;
  readonly dnsHostName: string | null;
  readonly enabled: boolean | null;
  readonly kvno: number | null;
  readonly passwordChangedAt: string | null;
  readonly createdAt: string | null;
  readonly deletedAt: string | null;
};

/** An own account's id needs no look-up, which an installer may not make. */
const ACCOUNT_ID = /^[0-9a-f]{20}$/;
const CANDIDATES_MAX = 20;

/** The account's id. Throws when no or more than one account is meant. */
export async function resolveAccount(client: Client, name: string, forest?: string): Promise<string> {
  if (ACCOUNT_ID.test(name)) return name;
  const asked = name.replace(/^[^\\]*\\/, '');
  const { rows } = await client.get<Page<AccountRow>>('/v1/accounts', { name: asked, forest, limit: CANDIDATES_MAX });
  const found = rows.filter((row) => forest !== undefined || !isObserved(row.forest));
  const [only, ...others] = found;
  if (!only) {
    const where = forest ? ` in forest ${forest}` : '';
    throw new CliError(EXIT.findings, 'ACCOUNT_UNKNOWN', `no account is called ${name}${where}`, {
      next: 'kerbtrail account list',
    });
  }
  if (others.length > 0) {
    const which = found
      .map(({ samAccountName, forest, account }) => `${samAccountName} of ${forest} (${account})`)
      .join(', ');
    throw new CliError(EXIT.findings, 'ACCOUNT_AMBIGUOUS', `more than one account is called ${name}: ${which}`, {
      next: 'name the forest with --forest, or give the id',
    });
  }
  return only.account;
}

export function isObserved(forest: string): boolean {
  return forest.startsWith('observed:');
}
