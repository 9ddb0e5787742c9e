/**
 * Every cell of the table through the decider, and, written down apart from the table, what the sources say of the cells
 * that people argue about.
 */
import { describe, expect, it } from '@jest/globals';
import type { Caller, WriterKind } from '../caller.js';
import type { RuleProfileName } from '../forest/forest.events.js';
import { accountOf, administrator, delegate, forestOf, itself, rivalsFor } from '../facts.spec-support.js';
import { ruleProfiles, spnChecks, type SpnCheck } from './rule-profiles.js';
import { decideSpnWrite, planSpnWrite, type SpnDecision } from './spn-write.decider.js';

const HOST = 'web1.corp.example';
const INVISIBLE = '\u200c';

/** The write of this SPN meets that one, in the way the check is about; web1 is the account that writes. */
const meetings: Record<SpnCheck, { readonly registering: string; readonly held: string }> = {
  sameAccount: { registering: `HTTP/${HOST}`, held: `http/${HOST.toUpperCase()}` },
  exact: { registering: `HTTP/${HOST}`, held: `http/${HOST.toUpperCase()}` },
  unicode: { registering: `HTTP/${HOST}`, held: `HTTP/${HOST}${INVISIBLE}` },
  specificAfterGeneric: { registering: `cifs/${HOST}`, held: `host/${HOST}` },
  genericAfterSpecific: { registering: `host/${HOST}`, held: `cifs/${HOST}` },
  upn: { registering: `HTTP/${HOST}`, held: '' },
};

const callers: Record<WriterKind, Caller> = {
  administrator,
  delegated: delegate('web1'),
  self: itself('web1'),
};

function write(
  profile: RuleProfileName,
  check: SpnCheck,
  caller: Caller,
  enforcement: 'enforce' | 'audit' = 'enforce',
): SpnDecision {
  const { registering, held } = meetings[check];
  const own = check === 'sameAccount' ? [held] : [];
  const account = accountOf('web1', { kind: 'computer', samAccountName: 'WEB1$', dnsHostName: HOST, spns: own });
  const others: Record<string, string[]> = check === 'sameAccount' || check === 'upn' ? {} : { other: [held] };
  const rivals = rivalsFor([registering], others, check === 'upn' ? ['other'] : []);
  const forest = forestOf({ ruleProfile: profile, enforcement });
  return decideSpnWrite({ caller, forest, account, rivals }, planSpnWrite('add', account, [registering]));
}

const profiles = Object.keys(ruleProfiles) as RuleProfileName[];
const writers = Object.keys(callers) as WriterKind[];
const cells = profiles.flatMap((profile) =>
  spnChecks.flatMap((check) =>
    writers.map((writer) => ({ profile, check, writer, cell: ruleProfiles[profile][check][writer] })),
  ),
);

describe('rule profiles', () => {
  it('has a cell for each of 4 profiles, 6 checks and 3 kinds of writer, each with its source', () => {
    expect(cells).toHaveLength(4 * 6 * 3);
    expect(cells.filter(({ cell }) => cell.source === '')).toEqual([]);
    expect(cells.filter(({ cell }) => (cell.verdict === 'allow') !== (cell.refusal === undefined))).toEqual([]);
  });

  it.each(cells)('$profile: $check by $writer is as the table has it', ({ profile, check, writer, cell }) => {
    const expected = cell.refusal ? { outcome: 'refused', refusal: cell.refusal } : { outcome: 'accepted' };
    expect(write(profile, check, callers[writer])).toMatchObject(expected);
  });

  it.each(cells)(
    '$profile in audit: $check by $writer is accepted, unless the account holds it itself',
    ({ profile, check, writer }) => {
      const decision = write(profile, check, callers[writer], 'audit');
      expect(decision.outcome).toBe(check === 'sameAccount' ? 'refused' : 'accepted');
    },
  );

  it('marks as contested what the sources disagree on, and nothing else', () => {
    const contested = cells
      .filter(({ cell }) => cell.contested)
      .map(({ profile, check, writer }) => `${profile} ${check} ${writer}`);
    expect(contested).toEqual([
      'kb5008382 specificAfterGeneric administrator',
      'kb5008382 genericAfterSpecific administrator',
      'kb5008382 genericAfterSpecific delegated',
      'kb5008382 genericAfterSpecific self',
    ]);
  });
});

describe('what the sources say', () => {
  const accepted = { outcome: 'accepted' };
  const refused = (status: number, code: string) => ({ outcome: 'refused', refusal: { status, code } });
  const notUnique = refused(8647, 'ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST');

  it('up to Windows Server 2012 only the account itself is looked at', () => {
    expect(write('permissive', 'exact', administrator)).toMatchObject(accepted);
    expect(write('permissive', 'exact', callers.self)).toMatchObject(accepted);
    expect(write('permissive', 'sameAccount', administrator)).toMatchObject(refused(20, 'attributeOrValueExists'));
  });

  it('Windows Server 2012 R2 refuses the same name with 8647 = 0x21C7, administrators included, and ignores aliases', () => {
    expect(write('windows-2012r2', 'exact', administrator)).toMatchObject(notUnique);
    expect(0x21c7).toBe(8647);
    expect(write('windows-2012r2', 'specificAfterGeneric', callers.self)).toMatchObject(accepted);
    expect(write('windows-2012r2', 'genericAfterSpecific', callers.self)).toMatchObject(accepted);
  });

  it('after KB5008382 an administrator may add cifs/h while another holds host/h, others may not', () => {
    expect(write('kb5008382', 'specificAfterGeneric', administrator)).toMatchObject(accepted);
    expect(write('kb5008382', 'specificAfterGeneric', callers.delegated)).toMatchObject(notUnique);
    expect(write('kb5008382', 'specificAfterGeneric', callers.self)).toMatchObject(notUnique);
  });

  it('Samba refuses host/h after cifs/h to everybody with 19, cifs/h after host/h to others than administrators with 50', () => {
    for (const caller of Object.values(callers))
      expect(write('samba', 'genericAfterSpecific', caller)).toMatchObject(refused(19, 'constraintViolation'));
    expect(write('samba', 'specificAfterGeneric', administrator)).toMatchObject(accepted);
    expect(write('samba', 'specificAfterGeneric', callers.delegated)).toMatchObject(
      refused(50, 'insufficientAccessRights'),
    );
    expect(write('samba', 'specificAfterGeneric', callers.self)).toMatchObject(refused(50, 'insufficientAccessRights'));
  });

  it('Samba lets who may write both accounts add cifs/h beside host/h', () => {
    expect(write('samba', 'specificAfterGeneric', delegate('web1', 'other'))).toMatchObject(accepted);
    expect(write('samba', 'genericAfterSpecific', delegate('web1', 'other'))).toMatchObject(
      refused(19, 'constraintViolation'),
    );
  });

  it('no profile sees a name that differs in an invisible code point (CVE-2026-25177); the event tells of it', () => {
    for (const profile of profiles) {
      expect(write(profile, 'unicode', administrator)).toMatchObject({
        outcome: 'accepted',
        registered: [{ conflicts: [{ account: 'other', by: 'unicode' }] }],
      });
    }
  });
});
