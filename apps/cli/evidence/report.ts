/** What a verification found, for people and for programs. */
import type { BundleReport } from '#tlog';
import { EXIT, type ExitCode } from '../cli.error.js';
import type { Output } from '../output.js';
import type { FaultKind, LogFault } from './verify-log.js';
import type { EarlierRoot, LogReport } from './verify-server.js';

const number = (value: number): string => value.toLocaleString('en');

const WHAT_HAPPENED: Readonly<Record<FaultKind, string>> = {
  changed: 'was changed',
  removed: 'was removed',
  inserted: 'was inserted',
  reordered: 'was moved',
  tile: 'is intact, but its leaf in the tiles was changed',
};

const NEXT_AFTER_FAULT = [
  'Stop whoever may write to the database, and keep it and its backups as they are: they are evidence now.',
  'Keep the checkpoint (kerbtrail evidence checkpoint) and the file of the witness apart from this machine.',
  'Look for the last backup whose log verifies; restoring it does not bring back what was appended after it.',
];

export function reportLog(output: Output, report: LogReport): ExitCode {
  const { fault, first, last, links, uncovered, checkpoint } = report;
  const { colors } = output;
  if (fault) output.say(`${colors.red('✗')} ${colors.bold(faultSentence(fault))}`);
  else {
    output.say(
      `${colors.green('✓')} ${colors.bold(`The log is what was signed: events ${number(first)} to ${number(last)}.`)}`,
    );
  }
  output.record(logAnswer(report), fault ? faultFields(report, fault) : logFields(report));
  if (fault) {
    output.say();
    NEXT_AFTER_FAULT.forEach((step, i) => output.say(`${i + 1}. ${step}`));
    return EXIT.findings;
  }
  if (checkpoint.isFirstUse) {
    output.say();
    output.say(
      'This key was not known here before and is trusted from now on. Compare it with the one that the operator gives you by another way.',
    );
  }
  if (links.unfollowed > 0) {
    output.say(
      `Links not followed: ${number(links.unfollowed)}. The event before it in its stream was not read here (before the range, withheld, or too far back); the tree stands for the event itself.`,
    );
  }
  if (uncovered > 0) output.say(`Later events that no checkpoint covers yet: ${number(uncovered)}.`);
  return EXIT.ok;
}

export function faultSentence({ kind, position, upTo }: LogFault): string {
  if (upTo === undefined)
    return `The first event that is not as it was signed: ${number(position)}. It ${WHAT_HAPPENED[kind]}.`;
  return `One of the events ${number(position)} to ${number(upTo)} ${WHAT_HAPPENED[kind]}; all before them are as they were signed.`;
}

type Fields = (readonly [string, string | number | undefined])[];

function logFields(report: LogReport): Fields {
  const { withheld, links } = report;
  return [
    ...checkpointFields(report),
    ['links', `${number(links.followed)} events follow the last one of their stream`],
    [
      'withheld',
      withheld > 0 ? `${number(withheld)} events, as the log records: only their hashes are left` : undefined,
    ],
    ...earlierFields(report),
    [
      'new key',
      report.learned
        .map((key) => `${key}\nhas signed beside the one that is trusted, and the log names it: trusted from now on`)
        .join('\n'),
    ],
  ];
}

function faultFields(report: LogReport, fault: LogFault): Fields {
  const { there } = report;
  const { log, signedLeaf } = there ?? {};
  return [
    [
      'position',
      fault.upTo === undefined ? number(fault.position) : `${number(fault.position)} to ${number(fault.upTo)}`,
    ],
    ['kind', fault.kind],
    ['found', fault.detail],
    [
      'log says',
      there &&
        (log ? `${log.type}, ${log.stream} version ${log.version}, leaf ${log.leaf}` : 'nothing that is an event'),
    ],
    ['tree says', signedLeaf ? `leaf ${signedLeaf}` : undefined],
    ...checkpointFields(report),
    ...earlierFields(report),
  ];
}

function checkpointFields({ checkpoint, signedAt, trustedSince }: LogReport): Fields {
  return [
    ['log', checkpoint.origin],
    ['checkpoint', `${number(checkpoint.size)} events${signedAt ? `, signed ${signedAt} by the server's clock` : ''}`],
    ['root', checkpoint.root.toString('base64')],
    ['key', checkpoint.signedBy.map(({ verifierKey }) => verifierKey).join('\n')],
    ['trusted', checkpoint.isFirstUse ? 'on first use' : trustedSince ? `since ${trustedSince}` : 'as given by --key'],
  ];
}

function earlierFields({ checkpoint, seen, witness, fault }: LogReport): Fields {
  const relation = (root: EarlierRoot | undefined) => {
    if (!root) return undefined;
    const when = root.seenAt ? `, seen ${root.seenAt}` : '';
    if (fault) return `${number(root.size)} events${when}`;
    return `${number(root.size)} events${when}: ${root.size === checkpoint.size ? 'the same' : 'the log goes on from there'}`;
  };
  return [
    ['seen before', relation(seen)],
    ['witness', relation(witness)],
  ];
}

function logAnswer(report: LogReport): object {
  const { checkpoint, first, last, links, withheld, fault, there, signedAt, uncovered, trustedSince } = report;
  const earlier = (root: EarlierRoot | undefined) =>
    root ? { size: root.size, root: root.root.toString('base64'), seenAt: root.seenAt } : null;
  return {
    verified: !fault,
    origin: checkpoint.origin,
    size: checkpoint.size,
    root: checkpoint.root.toString('base64'),
    signedAt,
    keys: checkpoint.signedBy.map(({ verifierKey }) => verifierKey),
    trust: checkpoint.isFirstUse ? 'first-use' : 'known',
    trustedSince: trustedSince ?? null,
    learned: report.learned,
    range: { first, last },
    links,
    withheld,
    uncovered,
    seen: earlier(report.seen),
    witness: earlier(report.witness),
    fault: fault ? { ...fault, ...there } : null,
  };
}

export function reportBundle(output: Output, file: string, report: BundleReport): ExitCode {
  const { colors } = output;
  const { fault, entries, origin, size, root, verifiedBy, withheld } = report;
  const isGood = !fault && report.trust === 'trusted';
  if (fault)
    output.say(
      `${colors.red('✗')} ${colors.bold(`${file}: event ${number(fault.position)} is not what was signed (${fault.kind}).`)}`,
    );
  else if (isGood) output.say(`${colors.green('✓')} ${colors.bold(`${file} proves its ${number(entries)} events.`)}`);
  else
    output.say(
      `${colors.yellow('!')} ${colors.bold(`${file} is whole, but nobody that is trusted here has signed it.`)}`,
    );
  output.record({ verified: isGood, ...report }, [
    ['found', fault?.detail],
    ['log', origin],
    ['checkpoint', `${number(size)} events`],
    ['root', root],
    ['key', verifiedBy.join('\n')],
    ['withheld', withheld.length > 0 ? `${number(withheld.length)} events: only their hashes are left` : undefined],
  ]);
  if (!fault) tellScope(output, report);
  if (!fault && !isGood) output.say('\nnext: get the key of the log from its operator, and verify with it: --key KEY');
  return isGood ? EXIT.ok : EXIT.findings;
}

function tellScope(output: Output, { proven, notProven }: BundleReport): void {
  output.heading('Proven');
  for (const statement of proven) output.say(`· ${statement}`);
  output.heading('Not proven');
  for (const statement of notProven) output.say(`· ${statement}`);
}
