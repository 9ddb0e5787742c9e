/**
 * RequestServiceTicket: finds the logon by its handle and the holder by the SPN, decides, and seals a fresh nonce with the
 * holder's key. Guarded: logon, forest, client, holder and the name's stream, existing or absent, so that no ticket is
 * recorded after the event that took its SPN or its key away.
 */
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { KEY_STORE, loadAccount, lookupSpn } from '#directory';
import type { AccountKeys, ForestState, KeyStore, Replied } from '#directory';
import { RANDOM } from '#event-store';
import type { Load, Random } from '#event-store';
import { CONFOUNDER_BYTES, NONCE_BYTES, nonceDigest, sealChallenge, ticketId } from '#kerberos';
import { composeSpn } from '#spn';
import { loadKnownAccount, loadKnownForest } from './account-facts.js';
import { ExchangeLog, type ExchangeDecision } from './exchange-log.js';
import { RequestServiceTicket, type RequestServiceTicketReply } from './exchange.commands.js';
import { exchangeStream, loadLogon, newExchangeId } from './exchange-streams.js';
import {
  issueTicket,
  resolveService,
  type Resolution,
  type SpnSearch,
  type TicketRequestFacts,
} from './ticket-request.decider.js';

@CommandHandler(RequestServiceTicket)
export class RequestServiceTicketHandler implements ICommandHandler<RequestServiceTicket> {
  constructor(
    private readonly log: ExchangeLog,
    @Inject(KEY_STORE) private readonly keyStore: KeyStore,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  async execute(command: RequestServiceTicket): Promise<Replied<RequestServiceTicketReply>> {
    return this.log.record(command, (load, now) => this.decide(load, now, command));
  }

  private async decide(
    load: Load,
    now: string,
    { handle, service }: RequestServiceTicket,
  ): Promise<ExchangeDecision<RequestServiceTicketReply>> {
    const request = newExchangeId(now, this.random);
    const composedFrom = 'compose' in service ? service.compose : undefined;
    const spn = 'compose' in service ? composeSpn(service.compose).raw : service.spn;
    const logon = await loadLogon(load, handle);
    const [forest, account] = await Promise.all([loadKnownForest(load, logon.forest), loadAccount(load, logon.client)]);
    const client = account && !account.deleted ? account : null;
    const { search, keys } = await this.search(load, forest, spn);
    const { etypes, ticketLifetimeSeconds } = forest.policy;
    const facts = { request, now, logon, client, spn, composedFrom, search, etypes, ticketLifetimeSeconds };

    const resolution = resolveService(facts);
    const stream = { stream: exchangeStream(request), expected: 0 } as const;
    if (resolution.outcome === 'refused') {
      const { outcome, code, reason, events } = resolution;
      return { writes: [{ ...stream, events }], reply: { outcome, request, spn, code, reason } };
    }
    const { ciphertext, ticket, nonceDigest } = this.seal(facts, resolution, keys);
    const { etype, kvno, expiresAt } = resolution;
    const events = issueTicket(facts, resolution, { ticket, nonceDigest });
    const reply = { outcome: 'issued', request, spn, ticket, etype, kvno, ciphertext, expiresAt } as const;
    return { writes: [{ ...stream, events }], reply, secret: 'ciphertext' };
  }

  /** S3 and S4, with the keys of the holder when there is exactly one. */
  private async search(
    load: Load,
    forest: ForestState,
    spn: string,
  ): Promise<{ readonly search: SpnSearch; readonly keys: AccountKeys }> {
    const { outcome, by, holders } = await lookupSpn(load, forest, spn);
    if (outcome === 'ambiguous') return { search: { outcome, by, holders }, keys: new Map() };
    const [holding] = holders;
    const holder = holding ? await loadKnownAccount(load, this.keyStore, holding.account) : null;
    if (outcome === 'unknown' || !holding || !holder) return { search: { outcome: 'unknown' }, keys: new Map() };
    return { search: { outcome, by, registeredSpn: holding.spn, holder: holder.facts }, keys: holder.keys };
  }

  /** S5. The nonce leaves this function under the holder's key or as a digest, and is then forgotten. */
  private seal({ logon, request, spn }: TicketRequestFacts, { etype, expiresAt }: Resolution, keys: AccountKeys) {
    const nonce = this.random(NONCE_BYTES);
    const key = { etype, key: keys.get(etype)!, confounder: this.random(CONFOUNDER_BYTES) };
    const challenge = { nonce, client: logon.clientName, spn, exchangeId: request, expiresAt };
    const ciphertext = sealChallenge(key, challenge);
    return { ciphertext: ciphertext.toString('hex'), ticket: ticketId(ciphertext), nonceDigest: nonceDigest(nonce) };
  }
}
