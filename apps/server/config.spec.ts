import { describe, expect, it } from '@jest/globals';
import { InvalidConfiguration, readConfig } from './config.js';

const DATABASE = 'postgresql://kerbtrail:pass-word@db.example/kerbtrail';

describe('the configuration', () => {
  it('has a good default for everything', () => {
    expect(readConfig({}, '/srv')).toEqual({
      roles: new Set(['api', 'projector']),
      kafka: undefined,
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

  it('with Kafka does everything in one process, unless roles are named', () => {
    const { roles, kafka } = readConfig({ KAFKA_BROKERS: 'k1.example:9092, k2.example:9092' }, '/srv');
    expect(roles).toEqual(new Set(['api', 'projector', 'relay', 'ingest']));
    expect(kafka).toEqual({ brokers: ['k1.example:9092', 'k2.example:9092'], partitions: 6 });
    const relay = { KAFKA_BROKERS: 'k1:9092', KERBTRAIL_ROLES: 'relay', DATABASE_URL: DATABASE };
    expect(readConfig(relay, '/srv').roles).toEqual(new Set(['relay']));
    const apart = { KERBTRAIL_ROLES: 'projector', DATABASE_URL: DATABASE };
    expect(readConfig(apart, '/srv')).toMatchObject({ roles: new Set(['projector']), kafka: undefined });
  });

  it('reaches Kafka under TLS and SASL', () => {
    const kafka = (env: NodeJS.ProcessEnv) => readConfig({ KAFKA_BROKERS: 'k:9093', ...env }, '/srv').kafka;
    expect(kafka({ KAFKA_TLS: 'true' })?.tls).toBe(true);
    expect(kafka({ KAFKA_TLS: 'false' })?.tls).toBeUndefined();
    const files = { KAFKA_TLS_CA: 'ca.pem', KAFKA_TLS_CERT: '/etc/own.pem', KAFKA_TLS_KEY: '/etc/own.key' };
    expect(kafka(files)?.tls).toEqual({ ca: '/srv/ca.pem', cert: '/etc/own.pem', key: '/etc/own.key' });
    const login = { KAFKA_SASL_USERNAME: 'kerbtrail', KAFKA_SASL_PASSWORD: 'pass-word' };
    expect(kafka({ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512', ...login })?.sasl).toEqual({
      mechanism: 'scram-sha-512',
      username: 'kerbtrail',
      password: 'pass-word',
    });
  });

  it.each([
    ['"kdcc" is no role: api, projector, relay, ingest', { KERBTRAIL_ROLES: 'api,kdcc' }],
    ['relay and ingest, which work over Kafka: set KAFKA_BROKERS', { KERBTRAIL_ROLES: 'api,projector,relay,ingest' }],
    ['leaves projector to other processes', { KERBTRAIL_ROLES: 'api' }],
    ['leaves relay to other processes', { KERBTRAIL_ROLES: 'api,projector', KAFKA_BROKERS: 'k:9092' }],
    ['must be host:port', { KAFKA_BROKERS: 'kafka.example' }],
    ['KAFKA_BROKERS is not', { KAFKA_TLS: 'true' }],
    ['set both, or neither', { KAFKA_BROKERS: 'k:9092', KAFKA_TLS_CERT: 'own.pem' }],
    ['KAFKA_TLS is false', { KAFKA_BROKERS: 'k:9092', KAFKA_TLS: 'false', KAFKA_TLS_CA: 'ca.pem' }],
    ['KAFKA_SASL_MECHANISM', { KAFKA_BROKERS: 'k:9092', KAFKA_SASL_MECHANISM: 'oauthbearer' }],
    ['set all three, or none', { KAFKA_BROKERS: 'k:9092', KAFKA_SASL_PASSWORD: 'pass-word' }],
    ['KERBTRAIL_KAFKA_PARTITIONS', { KERBTRAIL_KAFKA_PARTITIONS: '0' }],
  ])('of roles and Kafka says what is wrong with it: %s', (said, env) => {
    const read = () => readConfig(env, '/srv');
    expect(read).toThrow(InvalidConfiguration);
    expect(read).toThrow(said);
    expect(read).not.toThrow('pass-word');
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
