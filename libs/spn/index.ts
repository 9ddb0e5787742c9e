export { SpnSyntaxError, type SpnErrorCode } from './spn.error.js';
export { parseSpn, printSpn, validateSpn, SPN_LENGTH_MAX, type Spn } from './spn.js';
export { composeSpn, type SpnParts } from './compose.js';
export {
  spnKeys,
  rawKey,
  writeKey,
  lookupKey,
  lookupClass,
  lookupName,
  splitLookupName,
  lookupFold,
  type SpnKeys,
} from './keys.js';
export { fold } from './folding.js';
export { ignorableCodePoints, type IgnorableCodePoint } from './ignorable.js';
export {
  parseAliasEntry,
  defaultAliasMap,
  resolveAlias,
  aliasesOf,
  lookupCandidates,
  type AliasEntry,
  type AliasMap,
} from './aliases.js';
export { relation, type SpnRelation } from './relation.js';
