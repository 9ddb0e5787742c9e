/**
 * A process that sends commands over HTTP: `node commander.js SERVERS JOURNAL SEED NAME LANES`. SERVERS is a file with the
 * servers there are, read before every call; which one is asked is a matter of chance, also when the same request is asked
 * again. Each lane makes an account and registers SPNs on it. SIGTERM: every lane ends with an answer.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createApi } from '../../test/support/server.js';
import { Journal, readJournal, toldIn, type Told } from './journal.js';
import { uuidOf } from './request.js';

const [servers, path, seed, name, lanes] = process.argv.slice(2) as [string, string, string, string, string];
const FOREST = 'torture.example';
const PAUSE_MS_MAX = 200;
const RETRY_MS = 100;
const CALL_MS_MAX = 15_000;
const SPNS_PER_ACCOUNT = 50;

type Address = { readonly url: string; readonly token: string };
type Answer = { readonly account: string; readonly position: number };

const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
const earlier = toldIn(readJournal(path));
const journal = new Journal(path);

async function lane(laneName: string): Promise<void> {
  const told = earlier.filter((one) => one.lane === laneName);
  let account = (told.findLast(({ n }) => n % SPNS_PER_ACCOUNT === 0)?.reply as Answer | undefined)?.account ?? '';
  for (let n = (told.at(-1)?.n ?? -1) + 1; !stop.signal.aborted; n++) {
    const isAccount = n % SPNS_PER_ACCOUNT === 0;
    const reply = isAccount
      ? await untilDone(laneName, n, '/v1/accounts', newAccount(laneName, n))
      : await untilDone(laneName, n, `/v1/accounts/${account}/spns`, {
          spns: [`HTTP/${label(laneName, n)}.${FOREST}`],
        });
    if (isAccount) account = reply.account;
    await delay(Math.random() * PAUSE_MS_MAX);
  }
}

async function untilDone(laneName: string, n: number, to: string, body: object): Promise<Answer> {
  const id = uuidOf(createHash('sha256').update(`${seed} ${laneName} ${n}`).digest());
  for (;;) {
    const answer = await ask(id, to, body);
    if (answer) {
      const told: Told = { lane: laneName, n, id, status: 'committed', position: answer.position, reply: answer };
      await journal.write(told);
      return answer;
    }
    await delay(RETRY_MS);
  }
}

/** Nothing when the outcome is not known. */
async function ask(id: string, to: string, body: object): Promise<Answer | undefined> {
  const known = JSON.parse(readFileSync(servers, 'utf8')) as Address[];
  const { url, token } = known[Math.floor(Math.random() * known.length)]!;
  try {
    const call = createApi(url, token).call<Answer>('POST', to, { key: id, body });
    const answer = await Promise.race([call, delay(CALL_MS_MAX, undefined, { ref: false })]);
    if (answer && answer.status < 300) return answer.body;
    // A refusal of what must be accepted is a fault; a server that cannot serve now is none.
    const note = !answer || answer.status === 503 ? 'unknown' : answer.status === 429 ? 'busy' : 'failed';
    await journal.write({ note, ...(answer && { detail: `${answer.status} ${answer.text.slice(0, 300)}` }) });
  } catch {
    await journal.write({ note: 'unknown' });
  }
  return undefined;
}

function newAccount(laneName: string, n: number): object {
  return { forest: FOREST, domain: FOREST, kind: 'user', samAccountName: `svc-${label(laneName, n)}` };
}

function label(laneName: string, n: number): string {
  return `${laneName.replace('/', '-')}-${n}`;
}

process.stdout.write('writing\n');
await Promise.all(Array.from({ length: Number(lanes) }, (_, n) => lane(`${name}/${n}`)));
await journal.close();
process.stdout.write('settled\n');
