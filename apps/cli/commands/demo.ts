/**
 * `kerbtrail demo`: everything once. A server, the sample recording imported, and three authentications between three separate
 * parties: this process as the client, the server as the KDC, sample services as the services. Running it again adds nothing.
 */
import type { Command } from 'commander';
import { createServer } from 'node:net';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DemoFile } from '../demo/demo-file.js';
import { CLIENT, type DemoForest, type DemoService, FOREST, prepareForest, services } from '../demo/demo-forest.js';
import { report } from '../demo/report.js';
import { type SampleService, startSampleService } from '../demo/sample-services.js';
import { authenticate, type Exchange, type Logon } from '../exchange.js';
import type { Page } from '../output.js';
import { findRecordings } from '../recordings.js';
import { readToHead, type Session, type Sessions } from '../session.js';
import { importAll, showImported } from './import.js';

const SAMPLES = fileURLToPath(new URL('../../../../samples/lab-samba-ad', import.meta.url));
/** Beside the recording: its description, and what really happened, which no reader may look at. */
const NOT_RECORDED = new Set(['README.md', 'truth.jsonl']);
const PORT = 8088;
const PARENT_POLL_MS = 500;

export function addDemoCommand(program: Command, sessions: Sessions): void {
  const action = sessions.action<[], { readonly exit?: boolean }>(
    (session, _, { exit = false }) => demo(session, exit),
    {
      serves: true,
      port: choosePort,
    },
  );
  program
    .command('demo')
    .summary('see everything once, then keep serving')
    .description(
      'Import the sample recording, play three mutual authentications (success, duplicate SPN, wrong service key) and show what was found. ' +
        'Then serve until Ctrl-C. Running it again adds nothing.',
    )
    .option('--exit', 'end after printing, instead of serving')
    .addHelpText(
      'after',
      '\nExample:\n  kerbtrail demo\nNext:\n  kerbtrail failures, kerbtrail spn duplicates, kerbtrail import PATH',
    )
    .action(action);
}

async function demo(session: Session, exit: boolean): Promise<void> {
  const { client, folder, output, server } = session;
  output.say(`${output.colors.bold('Kerbtrail')}  ${server.url}  ${output.colors.dim(shown(folder.path))}`);

  output.heading('Import of a recorded Samba AD domain');
  const recordings = findRecordings([SAMPLES]).filter(({ name }) => !NOT_RECORDED.has(name));
  const imported = await importAll(session, recordings, {});
  showImported(output, imported);
  const recorded = imported.find(({ report }) => report.forest)?.report.forest ?? '';

  output.heading(`Three authentications in ${FOREST}`);
  const file = new DemoFile(folder);
  const forest = await prepareForest(client, file);
  const running = await startServices(session, file, forest);
  await play(session, file, forest, running);
  await readToHead(client);

  await report(client, output, recorded);
  await tellNext(session, file, { forest, running, recorded });
  if (exit) return;
  const stays = 'Serving until Ctrl-C: the sample services; the server was running before and stays.';
  output.say(output.colors.dim(`\n${server.isOurs ? 'Serving until Ctrl-C.' : stays}`));
  await parentGone(session.atEnd);
}

type Running = ReadonlyMap<string, SampleService>;

async function startServices(
  { folder, server, atEnd }: Session,
  file: DemoFile,
  { tokenOf }: DemoForest,
): Promise<Running> {
  const started = services.map(async ({ spn, runsAs }) => {
    const secrets = { password: file.password(runsAs), token: tokenOf.get(runsAs) ?? '' };
    const identity = { spn, account: runsAs, realm: FOREST.toUpperCase() };
    const service = await startSampleService(identity, secrets, server.url, folder.serverLog);
    atEnd(() => service.stop());
    return [spn, service] as const;
  });
  return new Map(await Promise.all(started));
}

/** Each authentication once in the life of this log. */
async function play(session: Session, file: DemoFile, forest: DemoForest, running: Running): Promise<void> {
  const { client, output } = session;
  const asClient = client.as(forest.tokenOf.get(CLIENT) ?? '');
  let logon: Logon | undefined;
  for (const service of services) {
    const { spn } = service;
    const { rows } = await client.get<Page<object>>('/v1/attempts', { forest: FOREST, spn, limit: 1 });
    if (rows.length > 0) {
      output.say(`  ${output.colors.dim('–')} ${spn.padEnd(24)} played by an earlier run, not again`);
      continue;
    }
    const plan = { forest: FOREST, clientName: CLIENT, logon, password: async () => file.password(CLIENT) };
    const exchange = await authenticate(asClient, {
      ...plan,
      service: { spn },
      serviceUrl: running.get(spn)?.url ?? '',
    });
    logon = exchange.logon;
    tellOutcome(session, service, exchange, forest);
  }
}

function tellOutcome(
  { output }: Session,
  service: DemoService,
  { outcome, steps }: Exchange,
  { refusal }: DemoForest,
): void {
  const { colors } = output;
  const { spn, runsAs, holders } = service;
  const last = steps.at(-1);
  const sign = outcome === 'failed' ? colors.red('✗') : colors.green('✓');
  const what =
    outcome === 'failed' ? `fails in ${last?.step}: ${last?.code}` : `${CLIENT} and the service know each other`;
  output.say(`  ${sign} ${spn.padEnd(24)} ${what}`);
  const indent = `    ${' '.repeat(24)} `;
  if (holders.length > 1) {
    const story = `the forest refused the second (${refusal}), and accepted it once its enforcement was "audit"`;
    output.say(colors.dim(`${indent}${holders.join(' and ')} both hold it: ${story}`));
  } else if (!holders.includes(runsAs)) {
    output.say(colors.dim(`${indent}the service runs as ${runsAs}, but ${holders.join(' and ')} holds the SPN`));
  }
}

async function tellNext(
  { client, folder, output, server }: Session,
  file: DemoFile,
  { forest, running, recorded }: { readonly forest: DemoForest; readonly running: Running; readonly recorded: string },
): Promise<void> {
  const token = shown(file.writeText('demo-client.token', forest.tokenOf.get(CLIENT) ?? ''));
  const password = shown(file.writeText('demo-client.password', file.password(CLIENT)));
  const [shop] = services.filter(({ holders }) => holders.length > 1);
  const { rows } = await client.get<Page<{ attempt: { id: string } }>>('/v1/failures', { forest: recorded, limit: 1 });
  const { colors } = output;
  output.heading('Next');
  output.say(`  ${colors.dim('why one of them failed, with its evidence and its repair')}`);
  output.say(`  npx kerbtrail failures show ${rows[0]?.attempt.id}`);
  output.say(`  ${colors.dim('what was a duplicate at an instant: yes, no or not known')}`);
  output.say(`  npx kerbtrail spn duplicates --as-of "2026-11-22 10:53:33"`);
  if (shop) {
    output.say(`  ${colors.dim('repair the duplicate, and authenticate again')}`);
    output.say(`  npx kerbtrail spn delete ${shop.holders[1]} ${shop.spn}`);
    output.say(`  npx kerbtrail --token-file ${token} auth try --forest ${FOREST} --client ${CLIENT} \\`);
    output.say(`    --spn ${shop.spn} --url ${running.get(shop.spn)?.url} --password-stdin < ${password}`);
  }
  output.say();
  output.say(`${colors.bold('API')}    ${server.url}/v1, described at ${server.url}/docs`);
  output.say(`${colors.bold('token')}  "token" in ${shown(folder.localFile)}, sent as  Authorization: Bearer kt_…`);
}

/** Relative where that is shorter. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.length < path.length ? short : path;
}

/** The usual port when it is free, else any. */
function choosePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen(PORT, '127.0.0.1', () => probe.close(() => resolve(PORT)));
  });
}

/**
 * npm starts this program through a shell, which a SIGTERM to npm ends without a word to its own child: the demo then stops
 * too, instead of serving on for nobody. Started in any other way it never resolves.
 */
function parentGone(atEnd: Session['atEnd']): Promise<void> {
  return new Promise((resolve) => {
    if (!process.env['npm_lifecycle_event']) return;
    const parent = process.ppid;
    const timer = setInterval(() => {
      if (process.ppid !== parent) resolve();
    }, PARENT_POLL_MS);
    atEnd(async () => clearInterval(timer)); // or it would keep an interrupted demo from ending
  });
}
