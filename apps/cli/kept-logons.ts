/**
 * Logon handles that outlive one command, as a ticket cache does for a TGT: in the data folder, mode 0600, each until it expires
 * or the server no longer knows it.
 */
import type { Logon } from './exchange.js';
import { type Folder, readPrivateFile, writePrivateFile } from './folder.js';

export function keptLogon(folder: Folder, forest: string, clientName: string, now: Date): Logon | undefined {
  return read(folder, now).find((logon) => isOf(logon, forest, clientName));
}

export function keepLogon(folder: Folder, logon: Logon, now: Date): void {
  const others = read(folder, now).filter((kept) => !isOf(kept, logon.forest, logon.clientName));
  writePrivateFile(folder, folder.logonsFile, [...others, logon]);
}

export function forgetLogon(folder: Folder, { forest, clientName }: Logon, now: Date): void {
  writePrivateFile(
    folder,
    folder.logonsFile,
    read(folder, now).filter((kept) => !isOf(kept, forest, clientName)),
  );
}

/** Those that are still valid by this machine's clock; the server judges by its own. */
function read(folder: Folder, now: Date): Logon[] {
  const kept = readPrivateFile<Logon[]>(folder.logonsFile) ?? [];
  return kept.filter(({ expiresAt }) => Date.parse(expiresAt) > now.getTime());
}

function isOf(logon: Logon, forest: string, clientName: string): boolean {
  return logon.forest === forest && logon.clientName.toLowerCase() === clientName.toLowerCase();
}
