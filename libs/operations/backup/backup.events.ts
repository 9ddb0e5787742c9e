/** Event of stream `operation-backups`: a base backup was taken. Where it lies is not in it: that is for the operator to know. */
import { z } from 'zod';
import { defineEvent } from '#event-store';

export const backupTaken = z.object({
  /** SHA-256 of the backup's manifest, which has the SHA-256 of every file: whether a folder is this backup. */
  manifest: z.string().regex(/^[0-9a-f]{64}$/),
  /** Events in the log that the backup has for certain. */
  logSize: z.int().nonnegative(),
  /** Where in PostgreSQL's write-ahead log it ends. */
  lsn: z.string().regex(/^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/),
  files: z.int().positive(),
  bytes: z.int().positive(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
});

export type TakenBackup = z.infer<typeof backupTaken>;

export const backupEvents = { BackupTaken: defineEvent('BackupTaken', backupTaken) };
