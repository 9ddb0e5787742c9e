import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from '#event-store';
import { instant } from '../spn-directory/evidence.spec-support.js';
import type { AccountEvidence, AccountEvidenceType } from '../spn-directory/account-evidence.js';
import { deriveAccount, foldAccount } from './account.derivation.js';

function fact(second: number, type: AccountEvidenceType, data: JsonObject = {}): AccountEvidence {
  const order = { id: `${type}-${second}`, occurredAt: instant(second), source: 'log', record: second, item: 0 };
  return { ...order, type, spns: [], data };
}

const created = fact(1, 'AccountCreated', {
  domain: 'corp.example',
  kind: 'user',
  samAccountName: 'svc',
  enabled: true,
});

describe('an account', () => {
  it('has each attribute as the latest evidence that names it', () => {
    const renamed = fact(3, 'AccountRenamed', { samAccountName: 'svc-web', dnsHostName: 'web.corp.example' });
    expect(deriveAccount([renamed, created, fact(2, 'AccountDisabled')])).toEqual({
      domain: 'corp.example',
      kind: 'user',
      samAccountName: 'svc-web',
      dnsHostName: 'web.corp.example',
      enabled: false,
      createdAt: instant(1),
      firstSeen: instant(1),
      last: { id: 'AccountRenamed-3', occurredAt: instant(3), source: 'log', record: 3, item: 0 },
    });
  });

  it('loses what a rename takes away', () => {
    const facts = [
      created,
      fact(2, 'AccountRenamed', { dnsHostName: 'a' }),
      fact(3, 'AccountRenamed', { dnsHostName: null }),
    ];
    expect(deriveAccount(facts).dnsHostName).toBeUndefined();
  });

  it('has its password from a dump or from a change, whichever came last', () => {
    const listed = fact(5, 'AccountListed', { passwordChangedAt: '1970-01-01T00:00:04.5Z' });
    expect(deriveAccount([created, listed]).passwordChangedAt).toBe(4_500_000_000n);
    expect(deriveAccount([created, listed, fact(6, 'PasswordChanged', { kvno: 2 })])).toMatchObject({
      passwordChangedAt: instant(6),
      kvno: 2,
    });
  });

  it('that was deleted stands again when a later dump lists it, and begins anew when it is made again', () => {
    const facts = [created, fact(2, 'PasswordChanged'), fact(3, 'AccountDeleted')];
    expect(deriveAccount(facts).deletedAt).toBe(instant(3));
    expect(deriveAccount([...facts, fact(4, 'AccountListed')]).deletedAt).toBeUndefined();
    const again = deriveAccount([...facts, fact(4, 'AccountCreated', { samAccountName: 'new' })]);
    expect(again).toMatchObject({ samAccountName: 'new', createdAt: instant(4), firstSeen: instant(1) });
    for (const gone of ['enabled', 'deletedAt', 'passwordChangedAt']) expect(again).not.toHaveProperty(gone);
  });

  it('is the same when later evidence is folded on', () => {
    const facts = [
      created,
      fact(2, 'AccountDisabled'),
      fact(3, 'PasswordChanged', { kvno: 2 }),
      fact(4, 'AccountDeleted'),
    ];
    for (let cut = 1; cut < facts.length; cut++) {
      expect(foldAccount(deriveAccount(facts.slice(0, cut)), facts.slice(cut))).toEqual(deriveAccount(facts));
    }
  });

  it('is not made of nothing', () => expect(() => deriveAccount([])).toThrow(TypeError));
});
