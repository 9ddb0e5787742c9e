/** Names of people and accounts (distinguished names, principals, account names, SIDs) are compared without case, as directories do. */
import { storable } from './bulk-rows.js';
import { indexed } from './spn-directory/spn-index-keys.js';

export function nameKey(name: string): string {
  return indexed(storable(name).toLowerCase());
}
