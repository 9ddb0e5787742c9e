/**
 * The rule profiles: which check a write of an SPN meets, for whom, and the code its refusal has there
 * (spn-and-kerberos-audit §1.3–§1.6). One cell per profile, check and kind of writer; nothing else lists them again.
 *
 *   permissive      domain controllers up to Windows Server 2012: no check in the forest on a write
 *   windows-2012r2  from Windows Server 2012 R2: the value itself must be unique in the forest
 *   kb5008382       with the updates of November 2021 (CVE-2021-42282): its aliases too
 *   samba           Samba's samldb module since CVE-2020-25722
 *
 * `contested` marks a cell where sources disagree, with the evidence that decided it. `enforcement: audit` overrides the
 * checks in the forest and no other.
 */
import type { WriterKind } from '../caller.js';
import type { RuleProfileName } from '../forest/forest.events.js';

/** How a value that is to be registered meets one that is held. All but the first: held by another account. */
export type SpnCheck =
  /** The account holds it already, or the list has it twice: equal to the directory's comparison. */
  | 'sameAccount'
  /** Equal to the directory's comparison (write key). */
  | 'exact'
  /** Only a KDC's look-up sees one name: the two differ in invisible code points. */
  | 'unicode'
  /** An alias of the held value's class: `cifs/h` while another holds `host/h`. It will divert the alias's traffic. */
  | 'specificAfterGeneric'
  /** The other way round: `host/h` while another holds `cifs/h`. */
  | 'genericAfterSpecific'
  /** Another account's userPrincipalName is this text. */
  | 'upn';

export const spnChecks: readonly SpnCheck[] = [
  'sameAccount',
  'exact',
  'unicode',
  'specificAfterGeneric',
  'genericAfterSpecific',
  'upn',
];

/** The number and the name with which the profile's system refuses. */
export type RefusalCode = { readonly status: number; readonly code: string };

export type Cell = {
  /** `unless-holder-writable`: refused unless the writer may also write the account that holds the other value. */
  readonly verdict: 'allow' | 'refuse' | 'unless-holder-writable';
  readonly refusal?: RefusalCode;
  readonly source: string;
  readonly contested?: string;
};

/** LDAP result codes, RFC 4511 appendix A. */
export const ldap = {
  noSuchAttribute: { status: 16, code: 'noSuchAttribute' },
  constraintViolation: { status: 19, code: 'constraintViolation' },
  attributeOrValueExists: { status: 20, code: 'attributeOrValueExists' },
  adminLimitExceeded: { status: 11, code: 'adminLimitExceeded' },
  noSuchObject: { status: 32, code: 'noSuchObject' },
  insufficientAccessRights: { status: 50, code: 'insufficientAccessRights' },
} as const satisfies Record<string, RefusalCode>;

/** 0x21C8, the twin for UPNs. */
const UPN_NOT_UNIQUE: RefusalCode = { status: 8648, code: 'ERROR_DS_UPN_VALUE_NOT_UNIQUE_IN_FOREST' };

/** 0x21C7; pages that print 8467 mean this one (MicrosoftDocs/windowsserverdocs issue 6081). */
const SPN_NOT_UNIQUE: RefusalCode = { status: 8647, code: 'ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST' };

const source = {
  ldap: 'RFC 4511 §4.6: adding a value that is there',
  before2012r2: 'Microsoft, "SPN and UPN uniqueness": no check on a write before Windows Server 2012 R2',
  uniqueness: 'Microsoft, "SPN and UPN uniqueness"; MS-ADTS 3.1.1.5.1.3',
  aliases: 'KB5008382; MS-ADTS 3.1.1.5.1.3: setting cifs/h checks host/h too',
  samba: 'behaviour of Samba, its ldap_spn tests',
  invisible: 'CVE-2026-25177: the check on a write does not see invisible code points, the KDC drops them',
  upn: 'MS-KILE 3.3.5.1.1 searches UPNs for a service name too; no system compares the two attributes on a write',
};

const contested = {
  administrator:
    'MS-ADTS 3.1.1.5.1.3 reads both ways in its editions; the tests of Samba that pass on Windows let an administrator add cifs/h',
  genericByAdministrator:
    'MS-ADTS 3.1.1.5.1.3 exempts administrators in one edition; the tests that refuse it are known to fail on Windows of 2021',
  genericByOthers:
    'KB5008382 speaks of taking an implicitly owned name; MS-ADTS 3.1.1.5.1.3 says "including its aliases"',
};

type Row = Readonly<Record<WriterKind, Cell>>;
type Note = { readonly contested?: string };

const allow = (source: string, note: Note = {}): Cell => ({ verdict: 'allow', source, ...note });
const refuse = (refusal: RefusalCode, source: string, note: Note = {}): Cell => ({
  verdict: 'refuse',
  refusal,
  source,
  ...note,
});
const everyone = (cell: Cell): Row => ({ administrator: cell, delegated: cell, self: cell });
const administratorElse = (administrator: Cell, others: Cell): Row => ({
  administrator,
  delegated: others,
  self: others,
});

const heldAlready = everyone(refuse(ldap.attributeOrValueExists, source.ldap));
const unseen = everyone(allow(source.invisible));
const uncompared = everyone(allow(source.upn));

export const ruleProfiles: Readonly<Record<RuleProfileName, Readonly<Record<SpnCheck, Row>>>> = {
  permissive: {
    sameAccount: heldAlready,
    exact: everyone(allow(source.before2012r2)),
    unicode: unseen,
    specificAfterGeneric: everyone(allow(source.before2012r2)),
    genericAfterSpecific: everyone(allow(source.before2012r2)),
    upn: uncompared,
  },
  'windows-2012r2': {
    sameAccount: heldAlready,
    exact: everyone(refuse(SPN_NOT_UNIQUE, source.uniqueness)),
    unicode: unseen,
    specificAfterGeneric: everyone(allow(source.uniqueness)),
    genericAfterSpecific: everyone(allow(source.uniqueness)),
    upn: uncompared,
  },
  kb5008382: {
    sameAccount: heldAlready,
    exact: everyone(refuse(SPN_NOT_UNIQUE, source.uniqueness)),
    unicode: unseen,
    specificAfterGeneric: administratorElse(
      allow(source.aliases, { contested: contested.administrator }),
      refuse(SPN_NOT_UNIQUE, source.aliases),
    ),
    genericAfterSpecific: administratorElse(
      allow(source.aliases, { contested: contested.genericByAdministrator }),
      refuse(SPN_NOT_UNIQUE, source.aliases, { contested: contested.genericByOthers }),
    ),
    upn: uncompared,
  },
  samba: {
    sameAccount: heldAlready,
    exact: everyone(refuse(ldap.constraintViolation, source.samba)),
    unicode: unseen,
    specificAfterGeneric: administratorElse(allow(source.samba), {
      verdict: 'unless-holder-writable',
      refusal: ldap.insufficientAccessRights,
      source: source.samba,
    }),
    genericAfterSpecific: everyone(refuse(ldap.constraintViolation, source.samba)),
    upn: uncompared,
  },
};

/** A client's principal name that would mean two accounts: a UPN, or `sAMAccountName@domain` beside one. */
export const upnUniqueness: Readonly<Record<RuleProfileName, Cell>> = {
  permissive: allow(source.before2012r2),
  'windows-2012r2': refuse(UPN_NOT_UNIQUE, source.uniqueness),
  kb5008382: refuse(UPN_NOT_UNIQUE, source.uniqueness),
  samba: refuse(ldap.constraintViolation, source.samba),
};
