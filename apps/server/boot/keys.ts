/**
 * The key-encryption key at start. With the embedded database a key file is made on first start; with an external one the key
 * must come from configuration, since a second server would make a second key.
 */
import { join } from 'node:path';
import { type KeyEncryptionKey, loadKeyEncryptionKeyFile, readKeyEncryptionKey } from '#directory';
import { InvalidConfiguration, type ServerConfig } from '../config.js';

export async function openKeyEncryptionKey(config: ServerConfig, embedded: boolean): Promise<KeyEncryptionKey> {
  if (config.keyEncryptionKey) return readKeyEncryptionKey(config.keyEncryptionKey, 'KERBTRAIL_KEK');
  if (embedded) return loadKeyEncryptionKeyFile(join(config.folder, 'kek'));
  throw new InvalidConfiguration(
    'With DATABASE_URL the key-encryption key must be configured: set KERBTRAIL_KEK to the base64 of 32 random bytes ' +
      '(openssl rand -base64 32) and keep a copy of it apart from the database backups.',
  );
}
