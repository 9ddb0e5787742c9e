/**
 * `kerbtrail evidence`: the signed tree over the log, proofs out of it, its keys, and bundles of events for whoever has no server.
 * Proofs are made here, out of the tiles, and verified before they are given out.
 */
import {
  BUNDLE_ENTRIES_MAX,
  consistencyProof,
  formatEvidenceBundle,
  formatTlogProof,
  inclusionProof,
  leafHash,
  parseCheckpoint,
  parseNote,
  rootOfTiles,
  type Selection,
  TILE_WIDTH,
  verifyConsistency,
  verifyEvidenceBundle,
  verifyInclusion,
} from '#tlog';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { resolveAccount } from '../account-names.js';
import { CliError, EXIT, type ExitCode, usageError } from '../cli.error.js';
import { readTile } from '../evidence/events-of-tile.js';
import { claimedKeys, evidenceStatus, type KeyRow, requestBundle, rotateKey } from '../evidence/evidence-api.js';
import { tileOf } from '../evidence/log-source.js';
import { TreeCheck } from '../evidence/tree-check.js';
import { newestNote, openServerLog, placeOf } from '../evidence/server-log.js';
import { readTrust } from '../evidence/trust.js';
import { wholeNumber } from '../filters.js';
import { writeNewFile } from '../new-file.js';
import { writeTileFolder } from '../segments/tile-folder.js';
import type { Session, Sessions } from '../session.js';
import type { Column } from '../table.js';

type BundleOptions = {
  readonly position?: readonly number[];
  readonly range?: { readonly from: number; readonly to: number };
  readonly stream?: string;
  readonly account?: string;
  readonly forest?: string;
  readonly outFile: string;
};

const OVERLAP_DAYS_MAX = 3_650;
const position = wholeNumber(1, Number.MAX_SAFE_INTEGER);

const keyColumns: readonly Column<KeyRow & { readonly trusted: boolean }>[] = [
  { head: 'KEY', value: ({ verifierKey }) => verifierKey },
  { head: 'SIGNS FROM', value: ({ from }) => from },
  { head: 'UNTIL', value: ({ until }) => until },
  { head: 'TRUSTED HERE', value: ({ trusted }) => trusted },
];

export function addEvidenceCommands(program: Command, sessions: Sessions): void {
  const evidence = program
    .command('evidence')
    .summary('proofs that the log is as it was written')
    .description(
      'The signed Merkle tree over the log: checkpoints, proofs, keys, and bundles for others. See also: kerbtrail verify.',
    );

  evidence
    .command('status')
    .description('How far the log is signed, and what the witness has. Exit code 1 when the server refuses to sign on.')
    .action(sessions.action((session) => status(session)));

  evidence
    .command('checkpoint')
    .description('The newest signed checkpoint as the server gives it (a C2SP signed note), to be kept elsewhere.')
    .addHelpText(
      'after',
      '\nExample:\n  kerbtrail evidence checkpoint > checkpoint.txt\nLater:\n  kerbtrail verify --witness checkpoint.txt',
    )
    .addOption(
      new Option('--size <n>', 'the newest that covers at most so many events, as sealed files hold').argParser(
        position,
      ),
    )
    .action(sessions.action<[], { readonly size?: number }>((session, _, { size }) => checkpoint(session, size)));

  evidence
    .command('tiles <folder>')
    .description(
      'The newest checkpoint and the upper tiles of its tree, into a new folder: with them, whoever has no server proves sealed files one by one.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  kerbtrail evidence tiles tiles-2026-11-22\nLater:\n  kerbtrail verify --segments DIR --tiles tiles-2026-11-22',
    )
    .action(sessions.action<[string]>((session, [folder]) => tiles(session, folder)));

  evidence
    .command('proof <position>')
    .description('That one event is in the signed tree (a C2SP tlog-proof), verified before it is printed.')
    .addHelpText('after', '\nExample:\n  kerbtrail evidence proof 42 > event-42.tlog-proof')
    .action(sessions.action<[string]>((session, [at]) => proof(session, readPosition(at))));

  evidence
    .command('consistency <from> <to>')
    .description('That the tree of <to> events begins with the tree of <from> events: both roots, and the proof.')
    .addHelpText('after', '\nExample:\n  kerbtrail evidence consistency 1000 1200')
    .action(
      sessions.action<[string, string]>((session, [from, to]) =>
        consistency(session, readPosition(from), readPosition(to)),
      ),
    );

  addBundleCommand(evidence, sessions);
  addKeyCommands(evidence, sessions);
}

function addBundleCommand(evidence: Command, sessions: Sessions): void {
  evidence
    .command('bundle')
    .description(
      `Events with their proofs and the checkpoint in one new file, which anyone can verify without a server.`,
    )
    .addOption(new Option('--position <position...>', 'these events').argParser(collectPositions))
    .addOption(new Option('--range <a..b>', 'all events from a to b').argParser(readRange))
    .option('--stream <stream>', 'a whole stream, with the links that prove it complete')
    .option('--account <account>', 'the stream of this account')
    .option('--forest <forest>', 'where the account is, when its name is not enough')
    .requiredOption('--out-file <file>', 'a new file, which only you can read')
    .addHelpText(
      'after',
      '\nExamples:\n  kerbtrail evidence bundle --range 1200..1300 --out-file evidence.json\n  kerbtrail evidence bundle --account svc-web --out-file svc-web.json\nNext:\n  kerbtrail verify evidence.json',
    )
    .action(sessions.action<[], BundleOptions>((session, _, options) => bundle(session, options)));
}

function addKeyCommands(evidence: Command, sessions: Sessions): void {
  evidence
    .command('keys')
    .description('The keys that sign checkpoints, as the server says, and which of them are trusted here.')
    .action(sessions.action((session) => keys(session)));

  evidence
    .command('rotate-key')
    .description(
      'Make a new key. For some time the old one signs beside it, so that whoever verifies learns the new one from it.',
    )
    .addOption(
      new Option('--overlap-days <n>', 'how long both sign (default: 30)').argParser(wholeNumber(0, OVERLAP_DAYS_MAX)),
    )
    .action(
      sessions.action<[], { readonly overlapDays?: number }>(async ({ client, output }, _, { overlapDays }) => {
        const rotated = await rotateKey(client, overlapDays);
        output.record(rotated, [
          ['new key', rotated.verifierKey],
          ['old ones sign until', rotated.previousUntil],
        ]);
        output.say(output.colors.dim('Tell it to those who verify: kerbtrail verify learns it while both keys sign.'));
      }),
    );
}

async function status({ client, output }: Session): Promise<ExitCode> {
  const now = await evidenceStatus(client);
  const { state, origin, size, head, signedAt, witness, refusal, trouble, beyondHead } = now;
  output.record(now, [
    ['state', [state, refusal?.detail ?? trouble].filter(Boolean).join(': ')],
    ['log', origin],
    ['signed', `${size} of ${head} events${signedAt ? `, ${signedAt}` : ''}`],
    ['witness', witness],
    ['behind the head', beyondHead > 0 ? `${beyondHead} rows that no append has made: kerbtrail verify` : undefined],
  ]);
  return refusal || beyondHead > 0 ? EXIT.findings : EXIT.ok;
}

async function checkpoint(session: Session, size?: number): Promise<void> {
  const note = await newestNote(session, size);
  if (session.output.format === 'table') session.terminal.stdout.write(note);
  else session.output.record({ ...describeNote(note), note }, []);
}

function describeNote(note: string): { origin: string; size: number; root: string } {
  const { origin, size, root } = parseCheckpoint(parseNote(note).text);
  return { origin, size, root: base64(root) };
}

async function tiles(session: Session, folder: string): Promise<void> {
  const { checkpoint, source } = await openServerLog(session);
  const { size, note, root } = checkpoint;
  if (!(await new TreeCheck(source.tile, size).holds({ ...checkpoint, name: '' }))) throw notProven('the tree');
  const written = await writeTileFolder(folder, note, size, source.tile);
  session.output.record({ folder, size, root: base64(root), tiles: written }, [
    ['written to', folder],
    ['checkpoint', `${size} events`],
    ['tiles', written],
  ]);
}

async function proof(session: Session, at: number): Promise<void> {
  const { checkpoint, source } = await openServerLog(session);
  const { size, root, note } = checkpoint;
  if (at > size) throw notCovered(at, size);
  const tree = new TreeCheck(source.tile, size);
  const [hashes, { entries }] = await Promise.all([
    inclusionProof(size, at - 1, source.tile),
    readTile(source, tree, tileOf(at)),
  ]);
  const body = entries[(at - 1) % TILE_WIDTH];
  const leaf = body ? leafHash(body) : (await tree.hashes(0, tileOf(at)))[(at - 1) % TILE_WIDTH]!;
  if (!verifyInclusion({ size, index: at - 1, leaf, proof: hashes, root }))
    throw notProven(`the event at position ${at}`);
  const text = formatTlogProof({ index: at - 1, proof: hashes, checkpoint: note });
  if (session.output.format === 'table') session.terminal.stdout.write(text);
  else {
    const answer = { position: at, size, leaf: leaf.toString('hex'), proof: hashes.map(base64), tlogProof: text };
    session.output.record(answer, []);
  }
}

async function consistency(session: Session, from: number, to: number): Promise<void> {
  if (from > to) throw usageError(`${from} is more than ${to}: give the smaller tree first`);
  const { checkpoint, source } = await openServerLog(session);
  if (to > checkpoint.size) throw notCovered(to, checkpoint.size);
  const tree = new TreeCheck(source.tile, checkpoint.size);
  const [fromRoot, toRoot, hashes] = await Promise.all([
    rootOfTiles(from, tree.beginning),
    rootOfTiles(to, tree.beginning),
    consistencyProof(from, to, tree.beginning),
  ]);
  const isProven = verifyConsistency({ from, fromRoot, to, toRoot, proof: hashes });
  if (!isProven || !(await tree.holds({ ...checkpoint, name: '' }))) throw notProven(`the tree of ${to} events`);
  const answer = { from, fromRoot: base64(fromRoot), to, toRoot: base64(toRoot), proof: hashes.map(base64) };
  session.output.record(answer, [
    [`root of ${from}`, answer.fromRoot],
    [`root of ${to}`, answer.toRoot],
    ['proof', answer.proof.join('\n') || 'none is needed'],
  ]);
}

async function bundle(session: Session, options: BundleOptions): Promise<void> {
  const { client, output } = session;
  const { outFile: file } = options;
  const selection = await selectionOf(session, options);
  const { keys } = await openServerLog(session);
  const ask = async () => {
    const made = await requestBundle(client, selection);
    const { fault } = verifyEvidenceBundle(made, keys);
    if (fault) throw notProven(`position ${fault.position} (${fault.detail})`);
    return { entries: made.entries.length, text: formatEvidenceBundle(made) };
  };
  const { entries, text } = await writeNewFile(file, ask, ({ text }) => text);
  const bytes = Buffer.byteLength(text);
  output.record({ file, entries, bytes }, [
    ['written to', file],
    ['events', entries],
    ['size', `${Math.ceil(bytes / 1024).toLocaleString('en')} KiB`],
  ]);
  output.say(output.colors.dim(`It holds the events as they are. Whoever gets it: kerbtrail verify ${file} --key KEY`));
}

async function selectionOf({ client }: Session, options: BundleOptions): Promise<Selection> {
  const { position, range, stream, account, forest } = options;
  if ([position, range, stream, account].filter((one) => one !== undefined).length !== 1) {
    throw usageError('name what goes into the bundle, by one of --position, --range, --stream, --account');
  }
  if (position) return { kind: 'positions', positions: [...new Set(position)].toSorted((a, b) => a - b) };
  if (range) return { kind: 'range', ...range };
  return { kind: 'stream', stream: stream ?? `account-${await resolveAccount(client, account!, forest)}` };
}

async function keys(session: Session): Promise<void> {
  const trusted = readTrust(session.folder, placeOf(session))?.keys ?? [];
  const rows = (await claimedKeys(session.client)).map((row) => ({
    ...row,
    trusted: trusted.includes(row.verifierKey),
  }));
  session.output.rows(rows, keyColumns, 'no key yet');
}

function notCovered(position: number, size: number): CliError {
  return new CliError(
    EXIT.findings,
    'EVIDENCE_BEHIND',
    `the newest checkpoint covers ${size} events, not ${position}`,
    {
      next: 'when the log has that event, ask again in a second',
    },
  );
}

function notProven(what: string): CliError {
  return new CliError(EXIT.findings, 'EVIDENCE_INVALID', `${what} does not have the root that was signed`, {
    next: 'kerbtrail verify says what was changed',
  });
}

function collectPositions(text: string, before: readonly number[] = []): number[] {
  return [...before, position(text)];
}

function readRange(text: string): { from: number; to: number } {
  const [, from = '', to = ''] = /^(\d+)\.\.(\d+)$/.exec(text) ?? [];
  const range = { from: position(from), to: position(to) };
  if (range.to >= range.from && range.to - range.from < BUNDLE_ENTRIES_MAX) return range;
  throw new InvalidArgumentError(`Write a..b with a <= b, of at most ${BUNDLE_ENTRIES_MAX} events.`);
}

function readPosition(text: string): number {
  try {
    return position(text);
  } catch {
    throw new InvalidArgumentError(`${text} is not a position: a whole number from 1`);
  }
}

function base64(hash: Buffer): string {
  return hash.toString('base64');
}
