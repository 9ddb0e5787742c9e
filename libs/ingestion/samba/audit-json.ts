/**
 * Samba's JSON audit lines (log classes dsdb_json_audit, dsdb_password_json_audit, auth_json_audit): one object a line,
 * `{"timestamp": …, "type": <T>, <T>: {"version": {"major": 1, …}, …}}`. Of each line only what we map is checked.
 */
import { z } from 'zod';
import { UnreadableRecord } from '../ingestion.error.js';

const version = z.object({ major: z.literal(1) });

const attribute = z.object({
  actions: z
    .array(
      z.object({
        action: z.string(),
        /** Left out for secret attributes, and by a `delete` of the whole attribute. */
        values: z
          .array(
            z.object({
              value: z.string().nullish(),
              truncated: z.boolean().optional(),
              base64: z.boolean().optional(),
            }),
          )
          .optional(),
        redacted: z.boolean().optional(),
      }),
    )
    .default([]),
});

const dsdbChange = z.object({
  version,
  /** An LDAP result code: 0 is success, anything else changed nothing. */
  statusCode: z.int(),
  status: z.string(),
  operation: z.string(),
  userSid: z.string().nullish(),
  dn: z.string(),
  transactionId: z.string().nullish(),
  attributes: z.record(z.string(), attribute).default({}),
});

const passwordChange = z.object({
  version,
  statusCode: z.int(),
  action: z.string(),
  userSid: z.string().nullish(),
  dn: z.string(),
  transactionId: z.string().nullish(),
});

const authentication = z.object({
  version,
  status: z.string(),
  remoteAddress: z.string().nullish(),
  serviceDescription: z.string().nullish(),
  authDescription: z.string().nullish(),
  clientDomain: z.string().nullish(),
  clientAccount: z.string().nullish(),
  becameSid: z.string().nullish(),
  passwordType: z.string().nullish(),
});

const dsdbTransaction = z.object({ version, action: z.string(), transactionId: z.string().nullish() });

const schemas = { dsdbChange, passwordChange, Authentication: authentication, dsdbTransaction };

export type DsdbChange = z.infer<typeof dsdbChange>;
export type ChangeAction = z.infer<typeof attribute>['actions'][number];
export type PasswordChange = z.infer<typeof passwordChange>;
export type DsdbTransaction = z.infer<typeof dsdbTransaction>;
export type Authentication = z.infer<typeof authentication>;

type Bodies = { [Type in keyof typeof schemas]: z.infer<(typeof schemas)[Type]> };
/** `other`: a kind of line that says nothing in our vocabulary. */
export type AuditLine = { readonly timestamp: string } & (
  | { [Type in keyof Bodies]: { readonly type: Type; readonly body: Bodies[Type] } }[keyof Bodies]
  | { readonly type: 'other' }
);

/** Throws UnreadableRecord. */
export function readAuditLine(text: string): AuditLine {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch (cause) {
    throw new UnreadableRecord('it begins like JSON but is not: cut off or damaged', { cause });
  }
  if (!isObject(line) || typeof line['timestamp'] !== 'string' || typeof line['type'] !== 'string') {
    throw new UnreadableRecord('it is JSON without the "timestamp" and "type" of a Samba audit line');
  }
  const { timestamp, type } = line;
  if (!Object.hasOwn(schemas, type)) return { timestamp, type: 'other' };
  const checked = schemas[type as keyof Bodies].safeParse(line[type]);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new UnreadableRecord(`${type} line: ${issue?.path.join('.') || type}: ${issue?.message}`);
  }
  return { timestamp, type, body: checked.data } as AuditLine;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
