/**
 * A dsdbChange line: one write of one directory object, audited after it was judged and before its transaction commits.
 * A status other than 0 says nothing about state: all that is kept of it is that a registration was refused.
 */
import { accountKindOf, isEnabled } from '../account-class.js';
import { dnsDomainOf } from '../distinguished-name.js';
import type { Fact, Mapped } from '../fact.js';
import { UnreadableRecord } from '../ingestion.error.js';
import { ldapResultName } from '../ldap-result.js';
import type { ChangeAction, DsdbChange } from './audit-json.js';

const SPN = 'servicePrincipalName';
const PASSWORDS = ['unicodePwd', 'clearTextPassword'];
const MODIFIES = ['add', 'delete', 'replace'] as const;

/** What the facts of one change have in common besides their type and data. */
type Context = { readonly account: string; readonly domain: string };
type Said = { [Type in Fact['type']]: Pick<Extract<Fact, { type: Type }>, 'type' | 'data'> }[Fact['type']];

/** Throws UnreadableRecord. */
export function readDirectoryChange(change: DsdbChange, occurredAt: string): Mapped | undefined {
  const said = change.statusCode === 0 ? accepted(change) : refused(change);
  if (said.length === 0) return undefined;
  const domain = dnsDomainOf(change.dn);
  const { userSid: actor, transactionId: correlationId } = change;
  const stamped = { occurredAt, ...(actor && { actor }), ...(correlationId && { correlationId }) };
  return { facts: said.map((fact) => ({ ...fact, ...stamped })), ...(domain && { domain }) };
}

function accepted(change: DsdbChange): Said[] {
  const context = { account: change.dn, domain: dnsDomainOf(change.dn) ?? '' };
  if (context.domain === '') return [];
  if (change.operation === 'Add') {
    return [...created(change, context), ...listed(change, context), ...password(change, context)];
  }
  // The line does not name the class of what was deleted; nothing but containers is named otherwise than by CN.
  if (change.operation === 'Delete') return /^cn=/i.test(change.dn) ? [{ type: 'AccountDeleted', data: context }] : [];
  if (change.operation !== 'Modify') return [];
  return [
    ...renamed(change, context),
    ...enabled(change, context),
    ...password(change, context),
    ...spns(change, context),
  ];
}

function created(change: DsdbChange, context: Context): Said[] {
  const kind = accountKindOf(texts(change, 'objectClass'));
  const [samAccountName] = texts(change, 'sAMAccountName');
  if (!kind || !samAccountName) return [];
  const [userPrincipalName] = texts(change, 'userPrincipalName');
  const [dnsHostName] = texts(change, 'dNSHostName');
  // Without userAccountControl the directory makes the account disabled (MS-SAMR §3.1.1.8.10); enabling it is audited later.
  const enabled = isEnabled(texts(change, 'userAccountControl')[0] ?? '') ?? false;
  return [
    { type: 'AccountCreated', data: { ...context, kind, samAccountName, userPrincipalName, dnsHostName, enabled } },
  ];
}

function listed(change: DsdbChange, context: Context): Said[] {
  return actionsOn(change, SPN).length === 0
    ? []
    : [{ type: 'SpnsReplaced', data: { ...context, spns: texts(change, SPN) } }];
}

function renamed(change: DsdbChange, { account }: Context): Said[] {
  const names = {
    samAccountName: lastValue(change, 'sAMAccountName') ?? undefined,
    userPrincipalName: lastValue(change, 'userPrincipalName'),
    dnsHostName: lastValue(change, 'dNSHostName'),
  };
  return Object.values(names).every((name) => name === undefined)
    ? []
    : [{ type: 'AccountRenamed', data: { account, ...names } }];
}

function enabled(change: DsdbChange, { account }: Context): Said[] {
  const now = isEnabled(lastValue(change, 'userAccountControl') ?? '');
  const [deleted] = actionsOn(change, 'userAccountControl').filter(({ action }) => action === 'delete');
  const before = isEnabled((deleted && valuesOf(deleted)[0]) ?? '');
  if (now === undefined || now === before) return [];
  return [{ type: now ? 'AccountEnabled' : 'AccountDisabled', data: { account } }];
}

function password(change: DsdbChange, { account }: Context): Said[] {
  const isSet = PASSWORDS.some((name) => actionsOn(change, name).length > 0);
  return isSet ? [{ type: 'PasswordChanged', data: { account } }] : [];
}

/** In the order of the actions: a `delete` and an `add` of one value are two facts. */
function spns(change: DsdbChange, context: Context): Said[] {
  return actionsOn(change, SPN).flatMap((action): Said[] => {
    const values = valuesOf(action);
    if (action.action === 'replace' || (action.action === 'delete' && values.length === 0)) {
      return [{ type: 'SpnsReplaced', data: { ...context, spns: values } }];
    }
    const type = action.action === 'add' ? 'SpnRegistered' : 'SpnRemoved';
    return values.map((spn) => ({ type, data: { ...context, spn } }));
  });
}

function refused(change: DsdbChange): Said[] {
  const context = { account: change.dn, domain: dnsDomainOf(change.dn) ?? '' };
  const { statusCode: status, status: reason } = change;
  return actionsOn(change, SPN).map((action) => ({
    type: 'SpnRegistrationRefused',
    data: {
      ...context,
      operation: action.action,
      spns: valuesOf(action),
      status,
      code: ldapResultName(status),
      reason,
      holders: [],
    },
  }));
}

type ModifyAction = ChangeAction & { action: (typeof MODIFIES)[number] };

/** Throws UnreadableRecord for an action on an attribute of ours that LDAP does not have. */
function actionsOn(change: DsdbChange, attribute: string): ModifyAction[] {
  const name = Object.keys(change.attributes).find((key) => key.toLowerCase() === attribute.toLowerCase());
  const actions = name === undefined ? [] : (change.attributes[name]?.actions ?? []);
  return actions.map((action) => {
    const known = MODIFIES.find((modify) => modify === action.action);
    if (!known) throw new UnreadableRecord(`${attribute}: "${action.action.slice(0, 40)}" is not an action of a write`);
    return { ...action, action: known };
  });
}

/** Throws UnreadableRecord: a value that the log cut off would be another value. */
function valuesOf({ values = [] }: ChangeAction): string[] {
  return values.map(({ value, truncated, base64 }) => {
    if (truncated || value === null || value === undefined)
      throw new UnreadableRecord('the log cut off one of its values');
    return base64 ? Buffer.from(value, 'base64').toString('utf8') : value;
  });
}

function texts(change: DsdbChange, attribute: string): string[] {
  return actionsOn(change, attribute).flatMap(valuesOf);
}

/** What a single-valued attribute holds afterwards: null when it was deleted, undefined when it was not touched. */
function lastValue(change: DsdbChange, attribute: string): string | null | undefined {
  const last = actionsOn(change, attribute).at(-1);
  if (!last) return undefined;
  return last.action === 'delete' ? null : (valuesOf(last).at(-1) ?? null);
}
