/** Forests as facts. */
import { describe, expect, it } from '@jest/globals';
import { FOREST, forestOf } from '../facts.spec-support.js';
import { addDomain, changePolicy, createForest, defaultPolicy, foldForest } from './forest.decider.js';

const refusal = (code: string) => expect.objectContaining({ name: 'DirectoryRefusal', code });

describe('creating a forest', () => {
  const nothing = { existing: null, domainForest: null };

  it('makes it with its root domain, by the lower-case DNS name', () => {
    expect(createForest(nothing, { name: 'Corp.Example' })).toEqual([
      { type: 'ForestCreated', data: { forest: FOREST, name: FOREST, policy: defaultPolicy } },
      { type: 'DomainAdded', data: { forest: FOREST, domain: FOREST, netbiosName: 'CORP' } },
    ]);
  });

  it('takes the named parts of the policy over the default', () => {
    const [created] = createForest(nothing, { name: FOREST, policy: { ruleProfile: 'samba', enforcement: 'audit' } });
    expect(created).toMatchObject({
      data: { policy: { ...defaultPolicy, ruleProfile: 'samba', enforcement: 'audit' } },
    });
  });

  it.each([
    '',
    'observed:corp.example',
    'corp..example',
    '-corp.example',
    'corp example',
    'x'.repeat(64),
    `${'a.'.repeat(130)}a`,
  ])('refuses %j as a name', (name) => {
    expect(() => createForest(nothing, { name })).toThrow(refusal('DIR_NAME_INVALID'));
  });

  it('refuses a forest that is there, and a root domain that another forest has', () => {
    expect(() => createForest({ existing: forestOf(), domainForest: FOREST }, { name: FOREST })).toThrow(
      refusal('DIR_FOREST_EXISTS'),
    );
    expect(() => createForest({ existing: null, domainForest: 'big.example' }, { name: FOREST })).toThrow(
      refusal('DIR_DOMAIN_EXISTS'),
    );
  });
});

describe('adding a domain', () => {
  it('belongs to this forest from then on', () => {
    const events = addDomain({ state: forestOf(), domainForest: null }, { domain: 'APAC.corp.example' });
    expect(events).toEqual([
      { type: 'DomainAdded', data: { forest: FOREST, domain: 'apac.corp.example', netbiosName: 'APAC' } },
    ]);
  });

  it('is refused when a forest has it, this one included, or when its NetBIOS name is taken', () => {
    expect(() => addDomain({ state: forestOf(), domainForest: FOREST }, { domain: FOREST })).toThrow(
      refusal('DIR_DOMAIN_EXISTS'),
    );
    expect(() =>
      addDomain({ state: forestOf(), domainForest: null }, { domain: 'corp.other', netbiosName: 'corp' }),
    ).toThrow(refusal('DIR_DOMAIN_EXISTS'));
    expect(() =>
      addDomain({ state: forestOf(), domainForest: null }, { domain: 'x.example', netbiosName: 'A/B' }),
    ).toThrow(refusal('DIR_NAME_INVALID'));
  });
});

describe('changing the policy', () => {
  it('carries the whole policy that holds from now on', () => {
    expect(changePolicy(forestOf(), { enforcement: 'audit' })).toEqual([
      { type: 'PolicyChanged', data: { forest: FOREST, policy: { ...defaultPolicy, enforcement: 'audit' } } },
    ]);
  });

  it('decides nothing when nothing changes', () => {
    expect(changePolicy(forestOf({ enforcement: 'audit' }), { enforcement: 'audit' })).toEqual([]);
    expect(changePolicy(forestOf(), {})).toEqual([]);
  });

  it('keeps alias classes as look-ups see them, and refuses what is none', () => {
    const [changed] = changePolicy(forestOf(), { aliases: [{ target: 'HOST', aliases: ['Cifs', 'HTTP'] }] });
    expect(changed).toMatchObject({ data: { policy: { aliases: [{ target: 'host', aliases: ['cifs', 'http'] }] } } });
    expect(() => changePolicy(forestOf(), { aliases: [{ target: 'a/b', aliases: ['c'] }] })).toThrow(
      refusal('DIR_ALIASES_INVALID'),
    );
    expect(() => changePolicy(forestOf(), { aliases: [{ target: 'host', aliases: [] }] })).toThrow(
      refusal('DIR_ALIASES_INVALID'),
    );
  });

  it('holds until the next', () => {
    const events = changePolicy(forestOf(), { ruleProfile: 'samba' });
    expect(
      foldForest([...createForest({ existing: null, domainForest: null }, { name: FOREST }), ...events])?.policy
        .ruleProfile,
    ).toBe('samba');
  });
});
