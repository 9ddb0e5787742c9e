/**
 * Commands that race for one name, one account or one policy, sent at the same moment to several real processes over one
 * database, many rounds each: exactly one order wins every round, and the log folds to a consistent directory in the end.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringToKey } from '#kerberos';
import type { RecordedEvent } from '#event-store';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.js';
import { CreateAccount, type AccountDetails } from './account/account.commands.js';
import type { Caller } from './caller.js';
import { inconsistencies } from './consistency.spec-support.js';
import { openDirectory, requestBy, type TestDirectory } from './directory.spec-support.js';
import { delegate } from './facts.spec-support.js';
import { CreateForest } from './forest/forest.commands.js';
import type { ForestPolicy } from './forest/forest.events.js';
import { accountStream, forestStream, loadAccount, loadForest, lookupSpn } from './load.js';
import { RegisterSpns } from './spn/spn-write.commands.js';

const PROCESSES = 3;
const ROUNDS = 25;

type Answer = { readonly id: number; readonly reply?: Record<string, unknown>; readonly code?: string };

let database: TestDatabase;
let directory: TestDirectory;
let processes: ChildProcess[];
let asked = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  const kek = randomBytes(32).toString('base64');
  directory = await openDirectory(database.pool, kek);
  const { NODE_OPTIONS: _, ...env } = process.env;
  const start = () =>
    fork(join(import.meta.dirname, 'directory-process.spec-support.mjs'), [database.url, kek], { env, execArgv: [] });
  processes = Array.from({ length: PROCESSES }, start);
  await Promise.all(processes.map(ready));
});
afterAll(async () => {
  await Promise.all(processes.map((child) => (child.kill('SIGKILL'), once(child, 'exit'))));
  await directory.close();
  await database.drop();
});

async function ready(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit').then(() =>
    Promise.reject(new Error('a directory process ended: was dist/ built?')),
  );
  await Promise.race([once(child, 'message'), ended]);
  ended.catch(() => {});
}

type Asked = readonly [command: string, caller: Caller | undefined, ...args: unknown[]];

/** All of them at once, each to the next process. */
function race(...commands: Asked[]): Promise<Answer[]> {
  return Promise.all(
    commands.map(([command, caller, ...args], i) => {
      const child = processes[i % PROCESSES]!;
      const id = asked++;
      return new Promise<Answer>((resolve) => {
        const answered = (message: Answer): void => {
          if (message.id !== id) return;
          child.off('message', answered);
          resolve(message);
        };
        child.on('message', answered);
        child.send({ id, command, args: [requestBy(caller), ...args] });
      });
    }),
  );
}

async function newForest(policy: Partial<ForestPolicy> = {}): Promise<string> {
  const name = `f${randomBytes(4).toString('hex')}.example`;
  const { forest } = await directory.execute(new CreateForest(requestBy(), name, undefined, policy));
  return forest;
}

async function newAccount(
  forest: string,
  samAccountName: string,
  details: Partial<AccountDetails> = {},
): Promise<string> {
  const kind = samAccountName.endsWith('$') ? 'computer' : 'user';
  const command = new CreateAccount(requestBy(), { forest, domain: forest, kind, samAccountName, ...details });
  return (await directory.execute(command)).account;
}

const load = (stream: string): Promise<RecordedEvent[]> => directory.store.readStream(stream);
const outcomes = (answers: readonly Answer[]) =>
  answers.map(({ reply, code }) => code ?? reply?.['outcome']).toSorted();
const holders = async (forest: string, spn: string) =>
  (await lookupSpn(load, (await loadForest(load, forest))!, spn)).holders.map(({ account }) => account);

describe('several processes race', () => {
  it('for one SPN in its several spellings: one account gets it, the others are told who', async () => {
    const forest = await newForest();
    const accounts = await Promise.all(['a', 'b', 'c'].map((name) => newAccount(forest, name)));
    for (let round = 0; round < ROUNDS; round++) {
      const spellings = [`HTTP/h${round}`, `http/H${round}`, `HTTP/ħ${round}`];
      const answers = await race(
        ...accounts.map((account, i): Asked => ['RegisterSpns', undefined, account, [spellings[i]]]),
      );
      expect(outcomes(answers)).toEqual(['accepted', 'refused', 'refused']);
      const [winner] = await holders(forest, `HTTP/h${round}`);
      const refused = answers.filter(({ reply }) => reply?.['outcome'] === 'refused');
      expect(refused.map(({ reply }) => reply)).toMatchObject(
        [1, 2].map(() => ({ status: 8647, holders: [{ account: winner }] })),
      );
    }
  });

  it('for a name and its alias: whichever comes second is refused, each order with its own code', async () => {
    const forest = await newForest({ ruleProfile: 'samba' });
    const [generic, specific] = await Promise.all([newAccount(forest, 'generic'), newAccount(forest, 'specific')]);
    for (let round = 0; round < ROUNDS; round++) {
      const [host, cifs] = await race(
        ['RegisterSpns', delegate(generic), generic, [`host/h${round}`]],
        ['RegisterSpns', delegate(specific), specific, [`cifs/h${round}`]],
      );
      const codes = [host, cifs].map((answer) => answer?.reply?.['code'] ?? 'accepted');
      expect([
        ['accepted', 'insufficientAccessRights'],
        ['constraintViolation', 'accepted'],
      ]).toContainEqual(codes);
    }
  });

  it('a registration with the deletion of its account: nothing is held by the deleted', async () => {
    const forest = await newForest();
    for (let round = 0; round < ROUNDS; round++) {
      const account = await newAccount(forest, `u${round}`, { password: 'p' });
      const answers = await race(
        ['DeleteAccount', undefined, account],
        ['RegisterSpns', undefined, account, ['HTTP/portal']],
      );
      expect(answers[0]).toMatchObject({ reply: { account } });
      expect(['accepted', 'refused']).toContain(answers[1]?.reply?.['outcome']);
      expect(await loadAccount(load, account)).toMatchObject({ deleted: true, spns: [] });
      expect(await holders(forest, 'HTTP/portal')).toEqual([]);
    }
  });

  it('a second registration with the switch to enforce: it is in before the switch, or refused', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const forest = await newForest({ enforcement: 'audit' });
      const [first, second] = await Promise.all([newAccount(forest, 'first'), newAccount(forest, 'second')]);
      await directory.execute(new RegisterSpns(requestBy(), first, ['HTTP/portal']));
      const [registration] = await race(
        ['RegisterSpns', undefined, second, ['HTTP/portal']],
        ['ChangePolicy', undefined, forest, { enforcement: 'enforce' }],
      );
      const enforced = (await load(forestStream(forest))).at(-1);
      const registered = (await load(accountStream(second))).find(({ type }) => type === 'SpnRegistered');
      expect(enforced?.type).toBe('PolicyChanged');
      expect(registration?.reply?.['outcome']).toBe(registered ? 'accepted' : 'refused');
      expect(registered?.position ?? 0).toBeLessThan(enforced!.position);
    }
  });

  it('two renames for one name: one computer gets it with its SPNs, the other keeps what it had', async () => {
    const forest = await newForest();
    for (let round = 0; round < ROUNDS; round++) {
      const names = [`A${round}`, `B${round}`];
      const accounts = await Promise.all(names.map((name) => newAccount(forest, `${name}$`)));
      await Promise.all(
        accounts.map((account, i) => directory.execute(new RegisterSpns(requestBy(), account, [`HTTP/${names[i]}`]))),
      );
      const answers = await race(
        ...accounts.map((account): Asked => ['RenameAccount', undefined, account, { samAccountName: `N${round}$` }]),
      );
      expect(outcomes(answers)).toEqual(['DIR_NAME_TAKEN', 'accepted']);
      const [winner] = await holders(forest, `HTTP/N${round}`);
      const loser = accounts.findIndex((account) => account !== winner);
      expect(await holders(forest, `HTTP/${names[loser]}`)).toEqual([accounts[loser]]);
    }
  });

  it('a rename with a registration of the name it would take: one of them has it', async () => {
    const forest = await newForest();
    const other = await newAccount(forest, 'other');
    for (let round = 0; round < ROUNDS; round++) {
      const computer = await newAccount(forest, `OLD${round}$`);
      await directory.execute(new RegisterSpns(requestBy(), computer, [`HTTP/OLD${round}`]));
      const answers = await race(
        ['RenameAccount', undefined, computer, { samAccountName: `NEW${round}$` }],
        ['RegisterSpns', undefined, other, [`HTTP/NEW${round}`]],
      );
      expect(outcomes(answers)).toEqual(['accepted', 'refused']);
      expect(await holders(forest, `HTTP/NEW${round}`)).toEqual([
        answers[0]?.reply?.['outcome'] === 'accepted' ? computer : other,
      ]);
    }
  });

  it('two new accounts for one name: one is made', async () => {
    const forest = await newForest();
    for (let round = 0; round < ROUNDS; round++) {
      const details = { forest, domain: forest, kind: 'user', samAccountName: `u${round}`, password: 'p' };
      const answers = await race(['CreateAccount', undefined, details], ['CreateAccount', undefined, details]);
      expect(answers.filter(({ reply }) => reply)).toHaveLength(1);
      expect(answers.filter(({ code }) => code === 'DIR_NAME_TAKEN')).toHaveLength(1);
    }
  });

  it('passwords of one account: versions rise, and the current keys are those of the password that came last', async () => {
    const forest = await newForest();
    const account = await newAccount(forest, 'alice');
    for (let round = 0; round < ROUNDS; round++) {
      const passwords = Array.from({ length: PROCESSES }, (_, i) => `round ${round} process ${i}`);
      const answers = await race(...passwords.map((password): Asked => ['SetPassword', undefined, account, password]));
      const state = (await loadAccount(load, account))!;
      const last = answers.findIndex(({ reply }) => reply?.['kvno'] === state.kvno);
      const expected = await stringToKey(18, passwords[last]!, state.keys[0]!.salt);
      expect(Buffer.from((await directory.keyStore.get(account, state.kvno)).get(18)!)).toEqual(expected);
    }
    const orphans = await directory.keyStore.unsettled(1_000);
    expect(orphans.filter((version) => version.account === account)).toEqual([]);
  });

  it('and after all of it the log folds to a consistent directory', async () => {
    const log = await directory.store.readAll({ after: 0, limit: 100_000 });
    expect(log.length).toBeGreaterThan(ROUNDS * 20);
    expect(inconsistencies(log)).toEqual([]);
  });
});
