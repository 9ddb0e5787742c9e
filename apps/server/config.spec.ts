import { describe, expect, it } from '@jest/globals';
import { InvalidConfiguration, readConfig } from './config.js';

const DATABASE = 'postgresql://kerbtrail:pass-word@db.example/kerbtrail';

describe('the configuration', () => {
  it('has a good default for everything', () => {
    expect(readConfig({}, '/srv')).toEqual({
      folder: '/srv/.kerbtrail',
      host: '127.0.0.1',
      port: 8088,
      databaseUrl: undefined,
      migrationUrl: undefined,
      keyEncryptionKey: undefined,
      witness: '/srv/.kerbtrail/witness/checkpoint',
      logOrigin: undefined,
      segmentsFolder: '/srv/.kerbtrail/segments',
      logLevel: 'info',
    });
  });

  it('migrates as whom it is told, else as whom it works', () => {
    expect(readConfig({ DATABASE_URL: DATABASE }, '/srv')).toMatchObject({
      databaseUrl: DATABASE,
      migrationUrl: DATABASE,
    });
    const owner = 'postgresql://owner@db.example/kerbtrail';
    expect(readConfig({ DATABASE_URL: DATABASE, KERBTRAIL_MIGRATION_URL: owner }, '/srv').migrationUrl).toBe(owner);
  });

  it('remembers the last checkpoint in a file or in another database, never within the one that it is about', () => {
    expect(readConfig({ KERBTRAIL_WITNESS: '../other/disk' }, '/srv').witness).toBe('/other/disk');
    expect(readConfig({ KERBTRAIL_WITNESS: DATABASE }, '/srv').witness).toBe(DATABASE);
    const within = () => readConfig({ KERBTRAIL_WITNESS: '.kerbtrail/postgres/data/witness' }, '/srv');
    expect(within).toThrow(/KERBTRAIL_WITNESS is a file in the folder of the embedded database/);
  });

  it.each([
    ['KERBTRAIL_LOG_ORIGIN', { KERBTRAIL_LOG_ORIGIN: 'my log' }],
    ['KERBTRAIL_LOG_ORIGIN', { KERBTRAIL_LOG_ORIGIN: 'a+b' }],
    ['KERBTRAIL_PORT', { KERBTRAIL_PORT: 'http' }],
    ['KERBTRAIL_PORT', { KERBTRAIL_PORT: '65536' }],
    ['KERBTRAIL_HOST', { KERBTRAIL_HOST: '' }],
    ['KERBTRAIL_LOG_LEVEL', { KERBTRAIL_LOG_LEVEL: 'loud' }],
    ['DATABASE_URL', { DATABASE_URL: 'mysql://user:pass-word@db.example' }],
    ['DATABASE_URL', { KERBTRAIL_MIGRATION_URL: DATABASE }],
  ])('with a fault in %s is refused by name and never by value', (name, env) => {
    const read = () => readConfig(env, '/srv');
    expect(read).toThrow(InvalidConfiguration);
    expect(read).toThrow(name);
    expect(read).not.toThrow('pass-word');
  });

  it('tells all faults at once', () => {
    expect(() => readConfig({ KERBTRAIL_PORT: 'x', KERBTRAIL_LOG_LEVEL: 'x' }, '/srv')).toThrow(
      /KERBTRAIL_PORT[^]*KERBTRAIL_LOG_LEVEL/,
    );
  });
});
