/** What a verification of sealed files found, for people and for programs: what is proved, and what is not. */
import { segmentName } from '#tlog';
import { EXIT, type ExitCode } from '../cli.error.js';
import { faultSentence } from '../evidence/report.js';
import type { Range } from '../evidence/tree-check.js';
import type { Output } from '../output.js';
import type { SegmentsReport } from './verify-segments.js';

const number = (value: number): string => value.toLocaleString('en');
const span = ({ first, last }: Range): string => `${number(first)} to ${number(last)}`;

const NEXT_AFTER_FAULT = [
  'Keep the file as it is, and whatever else is in the folder: it is evidence now.',
  'Verify the other copies of the file, each in a folder with the rest. One that is what was signed may take its place.',
  'Where there is none, the other events are as good as before; of the lost one the tree keeps the hash.',
];

const BEYOND = 'every checkpoint that can be compared: it is the tiles of its own file that it differs from';

export function reportSegments(output: Output, report: SegmentsReport): ExitCode {
  const { fault, links } = report;
  const { colors } = output;
  const proved = provedIn(report);
  const faults = complaints(report);
  const isGood = !fault && faults.length === 0;
  if (fault) output.say(`${colors.red('✗')} ${colors.bold(faultSentence(fault))}`);
  else if (isGood) output.say(`${colors.green('✓')} ${colors.bold(`The files hold what was signed: events ${proved.map(span).join(', ')}.`)}`); // prettier-ignore
  else output.say(`${colors.yellow('!')} ${colors.bold(`No event differs from its file's tiles, but ${faults.join('; ')}.`)}`); // prettier-ignore
  output.record(answerOf(report, isGood), [
    ['file', fault?.file],
    ['kind', fault?.kind],
    ['found', fault?.detail],
    ['beyond', fault && fault.position > (report.provedBy?.size ?? 0) ? BEYOND : undefined],
    ['log', report.origin],
    ['files', `${number(report.files)}: positions ${report.covered.map(span).join(', ')}`],
    ['missing', report.missing.map((hole) => `${span(hole)} (from ${nameAt(hole)} on)`).join('\n')],
    ['checkpoint', provedText(report)],
    ['links', `${number(links.followed)} events follow the last one of their stream`],
    ['withheld', report.withheld > 0 ? `${number(report.withheld)} events: only their hashes are left` : undefined],
    ['not read', report.replaced.map((name) => `${name}: a later generation is there`).join('\n')],
  ]);
  if (fault) {
    output.say();
    NEXT_AFTER_FAULT.forEach((step, i) => output.say(`${i + 1}. ${step}`));
  } else tellScope(output, report);
  return isGood ? EXIT.ok : EXIT.findings;
}

/** Why the files do not pass although each event has its leaf. */
function complaints({ missing, provedBy, covered, unrecorded, differing }: SegmentsReport): string[] {
  return [
    ...(provedBy && provedBy.size >= covered[0]!.first ? [] : ['no trusted checkpoint proves any of them']),
    ...(missing.length > 0 ? ['files are missing between others'] : []),
    ...(unrecorded.length > 0 ? ['events are withheld and nothing here records why'] : []),
    ...differing.map((name) => `${name} is not, to the last byte, the file that the log records`),
  ];
}

function tellScope(output: Output, report: SegmentsReport): void {
  const { provedBy, notCompared, covered, links, missing, unrecorded } = report;
  const proved = provedIn(report);
  const end = covered.at(-1)!.last;
  output.heading('Proven');
  if (proved.length > 0) {
    output.say(`· Events ${proved.map(span).join(', ')} are those of the log that ${provedBy!.name} is signed over.`);
  }
  output.say(
    '· Every event that is in the files has the leaf that its file says, and every leaf is in its file’s tree.',
  );
  output.heading('Not proven');
  for (const rest of restOf(report)) {
    output.say(`· That events ${span(rest)} are the signed ones: no checkpoint that can be compared covers them.`);
  }
  for (const { name, size } of notCompared) {
    output.say(
      `· Whether they are of the tree of ${name}, over ${number(size)} events: that needs hashes which the files do not have` +
        ' (kerbtrail evidence tiles FOLDER gets them; then --tiles FOLDER).',
    );
  }
  if (covered[0]!.first > 1)
    output.say(`· Anything of events 1 to ${number(covered[0]!.first - 1)}: no file has them.`);
  for (const hole of missing) output.say(`· Anything of events ${span(hole)}: their files are missing.`);
  output.say(`· Anything of events after ${number(end)}: they are not in the files.`);
  for (const name of unrecorded) {
    output.say(
      `· That retention took the events that ${name} withholds: its record is in no file here that is proved.`,
    );
  }
  if (links.unfollowed > 0) {
    output.say(
      `· The link to the event before in the stream, of ${number(links.unfollowed)}: that event was not read here.`,
    );
  }
}

function provedIn({ covered, provedBy }: SegmentsReport): Range[] {
  const to = provedBy?.size ?? 0;
  return covered.filter(({ first }) => first <= to).map(({ first, last }) => ({ first, last: Math.min(last, to) }));
}

function restOf({ covered, provedBy }: SegmentsReport): Range[] {
  const to = provedBy?.size ?? 0;
  return covered.filter(({ last }) => last > to).map(({ first, last }) => ({ first: Math.max(first, to + 1), last }));
}

function nameAt({ first }: Range): string {
  return segmentName({ firstPosition: first, generation: 1 });
}

function provedText({ provedBy }: SegmentsReport): string {
  if (!provedBy) return 'none of those that are trusted can be compared with the files';
  return `${provedBy.name}: ${number(provedBy.size)} events, root ${provedBy.root.toString('base64')}`;
}

function answerOf(report: SegmentsReport, verified: boolean): object {
  const { provedBy, notCompared, fault, ...rest } = report;
  const root = (one: { size: number; root: Buffer; name: string }) => ({ name: one.name, size: one.size, root: one.root.toString('base64') }); // prettier-ignore
  return {
    verified,
    ...rest,
    provedBy: provedBy ? root(provedBy) : null,
    proved: provedIn(report),
    notProved: restOf(report),
    notCompared: notCompared.map(root),
    fault: fault ?? null,
  };
}
