/** Writes of SPNs as facts: what the account holds, who asks, what others hold; then events. */
import { describe, expect, it } from '@jest/globals';
import type { AccountState } from '../account/account-state.js';
import type { Caller } from '../caller.js';
import type { ForestPolicy } from '../forest/forest.events.js';
import { accountOf, administrator, delegate, FOREST, forestOf, itself, rivalsFor } from '../facts.spec-support.js';
import {
  checkAsked,
  decideSpnWrite,
  HOLDERS_NAMED_MAX,
  planSpnWrite,
  refuseUnknownAccount,
  SPNS_PER_ACCOUNT_MAX,
  type SpnDecision,
  type SpnOperation,
} from './spn-write.decider.js';

const web1 = (spns: string[] = []): AccountState =>
  accountOf('web1', { kind: 'computer', samAccountName: 'WEB1$', dnsHostName: 'web1.corp.example', spns });
const registered = (spn: string, account = 'web1') => ({
  type: 'SpnRegistered',
  data: { forest: FOREST, account, domain: FOREST, spn },
});
const removed = (spn: string, account = 'web1') => ({
  type: 'SpnRemoved',
  data: { forest: FOREST, account, domain: FOREST, spn },
});

function decide(
  account: AccountState,
  operation: SpnOperation,
  spns: string[],
  given: { caller?: Caller; others?: Record<string, string[]>; policy?: Partial<ForestPolicy> } = {},
): SpnDecision {
  const { caller = administrator, others = {}, policy = {} } = given;
  const write = planSpnWrite(operation, account, spns);
  const facts = { caller, forest: forestOf(policy), account, rivals: rivalsFor(write.add, others) };
  return decideSpnWrite(facts, write);
}

const codeOf = (decision: SpnDecision) => (decision.outcome === 'refused' ? decision.refusal.code : decision.outcome);

describe('registering SPNs', () => {
  it('records each of them', () => {
    const decision = decide(web1(), 'add', ['HTTP/web1.corp.example', 'HTTP/web1']);
    expect(decision.events).toEqual([registered('HTTP/web1.corp.example'), registered('HTTP/web1')]);
  });

  it('refuses all of them when one is held by another, and names the holder', () => {
    const decision = decide(web1(), 'add', ['HTTP/web1', 'cifs/web1'], { others: { old: ['CIFS/WEB1', 'HTTP/else'] } });
    expect(decision.events).toEqual([
      {
        type: 'SpnRegistrationRefused',
        data: {
          forest: FOREST,
          account: 'web1',
          domain: FOREST,
          operation: 'add',
          spns: ['HTTP/web1', 'cifs/web1'],
          status: 8647,
          code: 'ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST',
          reason: 'cifs/web1 is not unique in the forest: account old holds CIFS/WEB1 (exact)',
          holders: [{ account: 'old', spn: 'CIFS/WEB1', by: 'exact' }],
        },
      },
    ]);
  });

  it('names at most ten holders, as Windows does', () => {
    const others = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`other${i}`, ['HTTP/web1']]));
    const decision = decide(web1(), 'add', ['HTTP/web1'], { others });
    expect(decision.outcome === 'refused' && decision.refusal.holders).toHaveLength(HOLDERS_NAMED_MAX);
  });

  it('accepts in audit what it would refuse, and records who holds it', () => {
    const policy = { enforcement: 'audit' } as const;
    const { events } = decide(web1(), 'add', ['HTTP/web1'], { others: { old: ['http/web1'] }, policy });
    expect(events).toMatchObject([
      {
        type: 'SpnRegistered',
        data: { spn: 'HTTP/web1', conflicts: [{ account: 'old', spn: 'http/web1', by: 'exact' }] },
      },
    ]);
  });

  it('compares as a directory does: case and accents are one name, digits and look-alikes are not', () => {
    const others = { old: ['HTTP/wéb1'] };
    expect(codeOf(decide(web1(), 'add', ['http/WEB1'], { others }))).toBe('ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST');
    expect(codeOf(decide(web1(), 'add', ['HTTP/wеb1'], { others }))).toBe('accepted'); // Cyrillic е
    expect(codeOf(decide(web1(), 'add', ['HTTP/web1:80'], { others: { old: ['HTTP/web1'] } }))).toBe('accepted');
  });

  it('does not let two aliases of one class clash, nor an alias with its own account', () => {
    const policy = { ruleProfile: 'samba' } as const;
    expect(codeOf(decide(web1(), 'add', ['http/web1'], { policy, others: { old: ['cifs/web1'] } }))).toBe('accepted');
    expect(codeOf(decide(web1(['host/web1']), 'add', ['http/web1'], { policy, others: { web1: ['host/web1'] } }))).toBe(
      'accepted',
    );
  });

  it('follows the alias map of the forest, in its order', () => {
    const aliases = [{ target: 'www', aliases: ['http'] }];
    const policy = { ruleProfile: 'samba', aliases } as const;
    const options = {
      policy: { ...policy, aliases: [...aliases] },
      others: { old: ['host/web1'] },
      caller: delegate('web1'),
    };
    expect(codeOf(decide(web1(), 'add', ['http/web1'], options))).toBe('accepted');
    expect(codeOf(decide(web1(), 'add', ['http/web1'], { ...options, others: { old: ['www/web1'] } }))).toBe(
      'insufficientAccessRights',
    );
  });

  it.each([
    ['host web1 hidden behind an alias', 'ci\u200cfs/web1', 'host/web1'],
    ['an alias of a hidden host', 'host/web1\u2060', 'cifs/web1'],
  ])('does not see %s on the write, as the KDC will', (_, registering, held) => {
    const decision = decide(web1(), 'add', [registering], {
      policy: { ruleProfile: 'samba' },
      others: { old: [held] },
    });
    expect(decision).toMatchObject({
      outcome: 'accepted',
      registered: [{ conflicts: [{ by: 'unicode', spn: held }] }],
    });
  });

  it.each(['no-slash', '//', 'a/b/c/d', 'HTTP/half\0'])('refuses %j as malformed, whatever the profile', (spn) => {
    for (const ruleProfile of ['permissive', 'samba'] as const)
      expect(decide(web1(), 'add', [spn], { policy: { ruleProfile } })).toMatchObject({
        outcome: 'refused',
        refusal: { status: 19, code: 'constraintViolation', holders: [] },
        events: [{ type: 'SpnRegistrationRefused', data: { spns: [spn] } }],
      });
  });

  it('refuses a value that the account holds, or that the list has twice', () => {
    const twice = decide(web1(), 'add', ['HTTP/web1', 'http/WEB1']);
    expect(codeOf(twice)).toBe('attributeOrValueExists');
    expect(decide(web1(['HTTP/web1']), 'add', ['http/web1'])).toMatchObject({
      outcome: 'refused',
      refusal: { status: 20, holders: [{ account: 'web1', spn: 'HTTP/web1', by: 'same-account' }] },
    });
  });

  it('bounds how many SPNs an account holds and how long they are', () => {
    const many = Array.from({ length: SPNS_PER_ACCOUNT_MAX }, (_, i) => `HTTP/h${i}`);
    expect(codeOf(decide(web1(), 'add', many))).toBe('accepted');
    expect(codeOf(decide(web1(many), 'add', ['HTTP/one-more']))).toBe('adminLimitExceeded');
    expect(codeOf(decide(web1(many), 'delete', many))).toBe('accepted');
    const long = Array.from({ length: 70 }, (_, i) => `HTTP/${String(i).padEnd(1_000, 'h')}`);
    expect(codeOf(decide(web1(), 'add', long))).toBe('adminLimitExceeded');
  });
});

describe('who may write SPNs', () => {
  const refusedRights = { outcome: 'refused', refusal: { status: 50, code: 'insufficientAccessRights' } };

  it('an administrator of the domain, or of the forest', () => {
    const inDomain = { actor: 'a', administers: { forest: FOREST, domains: [FOREST] } };
    expect(codeOf(decide(web1(), 'add', ['HTTP/x'], { caller: inDomain }))).toBe('accepted');
    expect(codeOf(decide(web1(), 'add', ['HTTP/x'], { caller: { actor: 'a', administers: { forest: FOREST } } }))).toBe(
      'accepted',
    );
    expect(
      decide(web1(), 'add', ['HTTP/x'], { caller: { actor: 'a', administers: { domains: ['emea.corp.example'] } } }),
    ).toMatchObject(refusedRights);
    expect(
      decide(web1(), 'add', ['HTTP/x'], { caller: { actor: 'a', administers: { forest: 'other.example' } } }),
    ).toMatchObject(refusedRights);
  });

  it('who was given the account, and nobody else: the refusal is an event that says so', () => {
    expect(codeOf(decide(web1(), 'add', ['HTTP/x'], { caller: delegate('web1') }))).toBe('accepted');
    const decision = decide(web1(), 'add', ['HTTP/x'], { caller: delegate('web2') });
    expect(decision).toMatchObject(refusedRights);
    expect(decision.events).toMatchObject([{ type: 'SpnRegistrationRefused', data: { status: 50, spns: ['HTTP/x'] } }]);
  });

  it('also in audit: the switch is about uniqueness alone', () => {
    expect(
      decide(web1(), 'add', ['HTTP/x'], { caller: delegate('web2'), policy: { enforcement: 'audit' } }),
    ).toMatchObject(refusedRights);
  });

  it('not a user on itself', () => {
    const alice = accountOf('alice');
    expect(decide(alice, 'add', ['HTTP/alice'], { caller: itself('alice') })).toMatchObject(refusedRights);
  });
});

describe('the validated write of a computer on itself', () => {
  const caller = itself('web1');

  it.each(['HTTP/web1.corp.example', 'HTTP/WEB1', 'MSSQLSvc/web1.corp.example:1433', 'host/Web1:443'])(
    'allows %s',
    (spn) => {
      expect(codeOf(decide(web1(), 'add', [spn], { caller }))).toBe('accepted');
    },
  );

  it.each([
    ['another host', 'HTTP/web2.corp.example'],
    ['three parts', 'ldap/web1.corp.example/corp.example'],
    ['an instance name', 'MSSQLSvc/web1.corp.example:PAYROLL'],
    ['its account name with the $', 'HTTP/WEB1$'],
    ['a name with an invisible code point', 'HTTP/web1\u200c.corp.example'],
  ])('refuses %s', (_, spn) => {
    expect(decide(web1(), 'add', [spn], { caller })).toMatchObject({ outcome: 'refused', refusal: { status: 19 } });
    expect(codeOf(decide(web1(), 'add', [spn], { caller: administrator }))).toBe('accepted');
  });

  it('allows every removal', () => {
    const account = web1(['HTTP/elsewhere', 'ldap/web1/corp.example']);
    expect(codeOf(decide(account, 'delete', ['HTTP/elsewhere'], { caller }))).toBe('accepted');
    expect(decide(account, 'replace', ['HTTP/web1'], { caller }).events).toEqual([
      removed('HTTP/elsewhere'),
      removed('ldap/web1/corp.example'),
      registered('HTTP/web1'),
    ]);
  });

  it('holds for a managed service too', () => {
    const service = accountOf('svc', {
      kind: 'managedService',
      samAccountName: 'svc$',
      dnsHostName: 'svc.corp.example',
    });
    expect(codeOf(decide(service, 'add', ['HTTP/svc.corp.example'], { caller: itself('svc') }))).toBe('accepted');
    expect(codeOf(decide(service, 'add', ['HTTP/web1'], { caller: itself('svc') }))).toBe('constraintViolation');
  });
});

describe('replacing and removing SPNs', () => {
  it('replaces what differs, removal first, and nothing when nothing differs', () => {
    const account = web1(['HTTP/a', 'HTTP/b']);
    expect(decide(account, 'replace', ['HTTP/b', 'HTTP/c']).events).toEqual([removed('HTTP/a'), registered('HTTP/c')]);
    expect(decide(account, 'replace', ['HTTP/b', 'HTTP/a']).events).toEqual([]);
    expect(decide(account, 'replace', []).events).toEqual([removed('HTTP/a'), removed('HTTP/b')]);
  });

  it('takes another spelling of a held value as a new value', () => {
    expect(decide(web1(['http/a']), 'replace', ['HTTP/a']).events).toEqual([removed('http/a'), registered('HTTP/a')]);
  });

  it('checks new values against others and within the list, and names the operation', () => {
    expect(
      decide(web1(['HTTP/a']), 'replace', ['HTTP/a', 'HTTP/b'], { others: { old: ['HTTP/b'] } }).events,
    ).toMatchObject([
      {
        type: 'SpnRegistrationRefused',
        data: { operation: 'replace', spns: ['HTTP/a', 'HTTP/b'], holders: [{ account: 'old' }] },
      },
    ]);
    expect(codeOf(decide(web1(['HTTP/a']), 'replace', ['HTTP/a', 'http/A']))).toBe('attributeOrValueExists');
    expect(codeOf(decide(web1(), 'replace', ['HTTP/a', 'HTTP/a']))).toBe('attributeOrValueExists');
  });

  it('keeps a value that others hold too, from before the rule was enforced', () => {
    expect(decide(web1(['HTTP/a', 'HTTP/b']), 'replace', ['HTTP/a'], { others: { old: ['HTTP/a'] } }).events).toEqual([
      removed('HTTP/b'),
    ]);
  });

  it('removes what the account holds, in its own spelling', () => {
    expect(decide(web1(['HTTP/Web1']), 'delete', ['http/WEB1']).events).toEqual([removed('HTTP/Web1')]);
  });

  it('refuses the removal of what it does not hold', () => {
    expect(decide(web1(['HTTP/a']), 'delete', ['HTTP/a', 'HTTP/b'])).toMatchObject({
      outcome: 'refused',
      refusal: { status: 16, code: 'noSuchAttribute' },
      events: [{ type: 'SpnRegistrationRefused', data: { operation: 'delete' } }],
    });
  });
});

describe('writes that have no account', () => {
  const write = { operation: 'add', asked: ['HTTP/web1'] } as const;

  it('are refused and recorded, of a deleted account with its forest', () => {
    const gone = accountOf('web1', {}, [{ type: 'AccountDeleted', data: { forest: FOREST, account: 'web1' } }]);
    expect(refuseUnknownAccount('web1', gone, write).events).toMatchObject([
      { type: 'SpnRegistrationRefused', data: { forest: FOREST, account: 'web1', status: 32, code: 'noSuchObject' } },
    ]);
    expect(refuseUnknownAccount('nobody', null, write).events).toMatchObject([
      { type: 'SpnRegistrationRefused', data: { forest: '', account: 'nobody', domain: '', status: 32 } },
    ]);
  });

  it('are not even recorded when they could not be: too long, or no Unicode text', () => {
    const limit = expect.objectContaining({ code: 'DIR_LIMIT_REACHED', kind: 'invalid' });
    expect(() => checkAsked(Array.from({ length: 251 }, (_, i) => `HTTP/${i}`))).toThrow(limit);
    expect(() => checkAsked(['HTTP/'.padEnd(33_000, 'x')])).toThrow(limit);
    expect(() => checkAsked(['HTTP/\ud800'])).toThrow(expect.objectContaining({ code: 'DIR_NAME_INVALID' }));
    expect(() => checkAsked(['HTTP/web1', 'nonsense'])).not.toThrow();
  });
});
