import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from '@nestjs/cqrs';
import {
  ChangePolicy,
  DeleteAccount,
  DisableAccount,
  EnableAccount,
  RegisterSpns,
  RemoveSpns,
  SetPassword,
} from '#directory';
import type { EventStore, RecordedEvent } from '#event-store';
import { lookupKey, parseSpn } from '#spn';
import { RequestServiceTicket, RequestTgt } from './exchange.commands.js';
import {
  ALICE_PASSWORD,
  by,
  FOREST,
  logOn,
  openSite,
  proofOf,
  settle,
  WEB,
  type Accounts,
  type Server,
  type Site,
} from '../site.spec-support.js';

/** What a ticket rests on, kept as the log tells it. */
type Fact = { enabled: boolean; kvno: number; spns: Set<string> };

/**
 * Reads the log in order and names each ticket that was recorded although, by the events before it, its client was disabled, its
 * SPN was not the holder's alone, the holder was disabled, or the key was not the current one.
 */
function baselessTickets(events: readonly RecordedEvent[]): string[] {
  const accounts = new Map<string, Fact>();
  const key = (spn: unknown): string => lookupKey(parseSpn(String(spn)));
  const baseless: string[] = [];
  for (const { type, data, position } of events) {
    const account = String(data['account']);
    const fact = accounts.get(account);
    if (type === 'AccountCreated')
      accounts.set(account, { enabled: data['enabled'] === true, kvno: 0, spns: new Set() });
    else if (type === 'AccountEnabled' && fact) fact.enabled = true;
    else if (type === 'AccountDisabled' && fact) fact.enabled = false;
    else if (type === 'AccountDeleted') accounts.delete(account);
    else if (type === 'PasswordChanged' && fact) fact.kvno = Number(data['kvno']);
    else if (type === 'SpnRegistered' && fact) fact.spns.add(key(data['spn']));
    else if (type === 'SpnRemoved' && fact) fact.spns.delete(key(data['spn']));
    else if (type === 'ServiceTicketIssued') {
      const holders = [...accounts].filter(([, { spns }]) => spns.has(key(data['spn']))).map(([id]) => id);
      const sole = holders.length === 1 && holders[0] === account;
      const client = accounts.get(String(data['client']));
      if (!sole || !fact?.enabled || fact.kvno !== data['kvno'] || !client?.enabled)
        baseless.push(`ticket at ${position}`);
    }
  }
  return baseless;
}

describe('a ticket request whose facts change between its decision and its append', () => {
  let site: Site;
  let directory: Server;
  let accounts: Accounts;
  let interfere: (() => Promise<unknown>) | undefined;
  let kdc: Server;

  /** Lets one interference happen when the decision is made and before it is appended. */
  const interrupted = (store: EventStore): EventStore => {
    const append = store.append.bind(store);
    return Object.assign(store, {
      append: async (items: Parameters<EventStore['append']>[0]) => {
        const change = interfere;
        interfere = undefined;
        await change?.();
        return append(items);
      },
    });
  };

  beforeAll(async () => {
    site = await openSite();
    directory = site.server;
    accounts = await settle(directory);
    kdc = await site.another(interrupted);
  });
  afterAll(() => site.close());

  const admin = <Reply>(command: Command<Reply>): Promise<Reply> => directory.bus.execute(command);
  const ask = async (spn: string, change: () => Promise<unknown>) => {
    const handle = await logOn(directory);
    interfere = change;
    const reply = await kdc.bus.execute(new RequestServiceTicket(by('alice'), handle, { spn }));
    expect(interfere).toBeUndefined();
    expect(baselessTickets(await site.events())).toEqual([]);
    return reply;
  };

  it('is decided anew when the SPN was removed', async () => {
    const reply = await ask(WEB, () => admin(new RemoveSpns(by('admin'), accounts.web, [WEB])));
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' });
    const recorded = await directory.store.readStream(`exchange-${reply.request}`);
    expect(recorded.map(({ type }) => type)).toEqual(['ServiceTicketRequested', 'SpnNotFound', 'ServiceTicketRefused']);
  });

  it('is decided anew when the unknown SPN was registered: absence is guarded too', async () => {
    const reply = await ask(WEB, () => admin(new RegisterSpns(by('admin'), accounts.web, [WEB])));
    expect(reply).toMatchObject({ outcome: 'issued', kvno: 1 });
  });

  it('uses the key of the new holder when the SPN moved to another account', async () => {
    const reply = await ask(WEB, async () => {
      await admin(new RemoveSpns(by('admin'), accounts.web, [WEB]));
      await admin(new RegisterSpns(by('admin'), accounts.spare, [WEB]));
    });
    expect(reply).toMatchObject({ outcome: 'issued' });
    const issued = (await directory.store.readStream(`exchange-${reply.request}`)).at(-1);
    expect(issued?.data).toMatchObject({ account: accounts.spare });
  });

  it('uses the new key when the password of the holder changed', async () => {
    const reply = await ask(WEB, () => admin(new SetPassword(by('admin'), accounts.spare, 'new pass phrase')));
    expect(reply).toMatchObject({ outcome: 'issued', kvno: 2 });
  });

  it('uses what the policy allows now when it changed', async () => {
    const reply = await ask(WEB, () => admin(new ChangePolicy(by('admin'), FOREST, { etypes: [17] })));
    expect(reply).toMatchObject({ outcome: 'issued', etype: 17 });
    await admin(new ChangePolicy(by('admin'), FOREST, { etypes: [18, 17] }));
  });

  it('is refused when the holder was disabled', async () => {
    const reply = await ask(WEB, () => admin(new DisableAccount(by('admin'), accounts.spare)));
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_SERVICE_REVOKED' });
    await admin(new EnableAccount(by('admin'), accounts.spare));
  });

  it('is refused when the client was disabled', async () => {
    const reply = await ask(WEB, () => admin(new DisableAccount(by('admin'), accounts.alice)));
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_CLIENT_REVOKED' });
    await admin(new EnableAccount(by('admin'), accounts.alice));
  });

  it('is refused when a second holder was let in', async () => {
    await admin(new ChangePolicy(by('admin'), FOREST, { enforcement: 'audit' }));
    const reply = await ask(WEB, () => admin(new RegisterSpns(by('admin'), accounts.web, [WEB])));
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_PRINCIPAL_NOT_UNIQUE' });
    await admin(new RemoveSpns(by('admin'), accounts.web, [WEB]));
  });

  it('is refused when the holder was deleted, and its keys with it', async () => {
    const reply = await ask(WEB, () => admin(new DeleteAccount(by('admin'), accounts.spare)));
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_S_PRINCIPAL_UNKNOWN' });
  });

  it('as does a logon: a proof under a password that was just changed is not accepted', async () => {
    const proof = await proofOf(ALICE_PASSWORD);
    interfere = () => admin(new SetPassword(by('admin'), accounts.alice, 'changed just now'));
    const reply = await kdc.bus.execute(new RequestTgt(by('alice'), FOREST, 'alice', proof));
    expect(reply).toMatchObject({ outcome: 'refused', code: 'KDC_ERR_PREAUTH_FAILED' });
  });
});

describe('ticket requests on two servers, racing with a third that moves the SPN and changes keys', () => {
  let site: Site;
  beforeAll(async () => {
    site = await openSite();
  });
  afterAll(() => site.close());

  it('never leave a ticket in the log after the event that took its SPN or its key away', async () => {
    const directory = site.server;
    const { web, spare } = await settle(directory);
    const servers = [await site.another(), await site.another()];
    const handle = await logOn(directory);
    const moved = new AbortController();
    const move = async (): Promise<void> => {
      for (const [from, to] of Array.from({ length: 6 }, (_, n) => (n % 2 ? [spare, web] : [web, spare]))) {
        await directory.bus.execute(new RemoveSpns(by('admin'), from!, [WEB]));
        await directory.bus.execute(new RegisterSpns(by('admin'), to!, [WEB]));
        await directory.bus.execute(new SetPassword(by('admin'), to!, `pass phrase ${to}`));
      }
      moved.abort();
    };
    const request = async (server: Server): Promise<string[]> => {
      const outcomes: string[] = [];
      while (!moved.signal.aborted) {
        const reply = await server.bus.execute(new RequestServiceTicket(by('alice'), handle, { spn: WEB }));
        outcomes.push(reply.outcome === 'issued' ? reply.outcome : reply.code);
      }
      return outcomes;
    };
    const [, ...outcomes] = await Promise.all([move(), ...[...servers, ...servers].map(request)]);

    const seen = new Set(outcomes.flat());
    expect(seen).toContain('issued');
    expect([...seen].filter((one) => !['issued', 'KDC_ERR_S_PRINCIPAL_UNKNOWN'].includes(one))).toEqual([]);
    expect(baselessTickets(await site.events())).toEqual([]);
  });
});
