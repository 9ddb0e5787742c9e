/** A backup that was not taken, or one that cannot be restored; each names its folder and says what to do. */
export class BackupFailed extends Error {
  readonly code = 'PG_BACKUP_FAILED';
  constructor(folder: string, reason: string, cause?: unknown) {
    super(`backup into ${folder}: ${reason}`, { cause });
  }
}

export class RestoreRefused extends Error {
  readonly code = 'PG_RESTORE_REFUSED';
  constructor(folder: string, reason: string, cause?: unknown) {
    super(`restore from ${folder}: ${reason}`, { cause });
  }
}
