/**
 * RequestTgt: establishes the facts of a logon (who holds the name, with which keys; whether the proof decrypts and was seen
 * before), decides and records. Guarded: the forest, the name's streams, the account, its lockout window and the proof.
 */
import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { hash } from 'node:crypto';
import { KEY_STORE, lookupClientByPrincipal, NAME_KEY } from '#directory';
import type { ForestState, KeyStore, NameKey, Replied } from '#directory';
import { RANDOM } from '#event-store';
import type { Load, Random } from '#event-store';
import { DEFAULT_ITERATIONS, DerError, KerberosError, openProof } from '#kerberos';
import { AuthenticationRefusal } from '../authentication-refusal.error.js';
import { acceptedProofStream, failedProofsStream, type ProofFacts } from '../lockout/lockout.decider.js';
import { loadKnownAccount, loadKnownForest, type KnownAccount } from './account-facts.js';
import { ExchangeLog, type ExchangeDecision, type ExchangeWrite } from './exchange-log.js';
import { RequestTgt, type EtypeInfo, type RequestTgtReply } from './exchange.commands.js';
import { createHandle, exchangeStream, newExchangeId } from './exchange-streams.js';
import { decideLogon, type LogonFacts } from './logon.decider.js';

type Client = KnownAccount | 'unknown' | 'ambiguous';

/** An encrypted PA-ENC-TS-ENC has some 60 bytes. */
const PROOF = /^(?:[0-9a-f]{2}){1,256}$/i;
const NAME_MAX = 500;

@CommandHandler(RequestTgt)
export class RequestTgtHandler implements ICommandHandler<RequestTgt> {
  constructor(
    private readonly log: ExchangeLog,
    @Inject(KEY_STORE) private readonly keyStore: KeyStore,
    @Inject(NAME_KEY) private readonly nameKey: NameKey,
    @Inject(RANDOM) private readonly random: Random,
  ) {}

  async execute(command: RequestTgt): Promise<Replied<RequestTgtReply>> {
    const { clientName } = command;
    if (clientName === '' || clientName.length > NAME_MAX)
      throw invalid(`a client's name has 1 to ${NAME_MAX} characters`);
    if (command.proof !== undefined && !PROOF.test(command.proof)) {
      throw invalid('the proof is not hex of an encrypted PA-ENC-TS-ENC');
    }
    const decide = (load: Load, now: string) => this.decide(load, now, command);
    if (command.proof === undefined) {
      // Being asked for a proof records nothing, and so needs no append.
      const asked = await this.log.look(decide);
      if (asked.outcome === 'preauth-required') return asked;
    }
    return this.log.record(command, decide);
  }

  private async decide(load: Load, now: string, command: RequestTgt): Promise<ExchangeDecision<RequestTgtReply>> {
    const logon = newExchangeId(now, this.random);
    const { handle, digest: handleDigest } = createHandle(logon, this.random);
    const forest = await loadKnownForest(load, command.forest);
    const client = await this.findClient(load, forest, command.clientName);
    const proof = typeof client === 'string' ? null : await readProof(load, now, command, forest, client);
    const facts = { ...logonFacts(forest, client, command.clientName), logon, now, proof, handleDigest };
    const decision = decideLogon(facts);

    const writes: ExchangeWrite[] = [{ stream: exchangeStream(logon), events: decision.events, expected: 0 }];
    if (decision.lockout && proof) {
      const accepted = decision.lockout.type === 'ProofAccepted';
      const stream = accepted
        ? acceptedProofStream(proof.account, proof.proofDigest)
        : failedProofsStream(proof.account, now);
      writes.push({ stream, events: [decision.lockout] });
    }
    if (decision.outcome === 'issued') {
      const { outcome, expiresAt } = decision;
      return { writes, reply: { outcome, logon, handle, expiresAt }, secret: 'handle' };
    }
    if (decision.outcome === 'preauth-required') {
      return { writes, reply: { outcome: 'preauth-required', etypeInfo: etypeInfo(client, forest) } };
    }
    const { code, reason } = decision;
    return { writes, reply: { outcome: 'refused', logon, code, reason } };
  }

  private async findClient(load: Load, forest: ForestState, clientName: string): Promise<Client> {
    const { outcome, accounts } = await lookupClientByPrincipal(load, this.nameKey, forest, clientName);
    const [account] = accounts;
    if (outcome !== 'found' || account === undefined) return outcome === 'ambiguous' ? outcome : 'unknown';
    return (await loadKnownAccount(load, this.keyStore, account)) ?? 'unknown';
  }
}

/** The name gets the realm that it was looked up in, when the client left it out. */
function logonFacts(
  { forest, name, policy }: ForestState,
  client: Client,
  clientName: string,
): Pick<LogonFacts, 'forest' | 'clientName' | 'realm' | 'client' | 'etypes' | 'logonLifetimeSeconds'> {
  const at = clientName.lastIndexOf('@');
  const asked = at < 0 ? name : clientName.slice(at + 1);
  const realm = (typeof client === 'string' ? asked : client.facts.domain).toUpperCase();
  return {
    forest,
    clientName: at < 0 ? `${clientName}@${realm}` : clientName,
    realm,
    client: typeof client === 'string' ? client : client.facts,
    etypes: policy.etypes,
    logonLifetimeSeconds: policy.logonLifetimeSeconds,
  };
}

async function readProof(
  load: Load,
  now: string,
  { proof, etype: asked }: RequestTgt,
  { forest, policy }: ForestState,
  { facts: { account }, keys }: KnownAccount,
): Promise<(ProofFacts & { readonly etype: number }) | null> {
  if (proof === undefined) return null;
  const ciphertext = Buffer.from(proof, 'hex');
  const proofDigest = hash('sha256', ciphertext);
  const etype = asked ?? policy.etypes.find((allowed) => keys.has(allowed)) ?? 0;
  const key = keys.get(etype);
  const [failed, accepted] = await Promise.all([
    load(failedProofsStream(account, now)),
    load(acceptedProofStream(account, proofDigest)),
  ]);
  return {
    forest,
    account,
    now,
    clockSkewSeconds: policy.clockSkewSeconds,
    failedInWindow: failed.length,
    proofDigest,
    provenAt: key ? openOrNull(etype, key, ciphertext) : null,
    acceptedBefore: accepted.length > 0,
    etype,
  };
}

function openOrNull(etype: number, key: Uint8Array, ciphertext: Buffer): string | null {
  try {
    return openProof(etype, key, ciphertext);
  } catch (error) {
    if (error instanceof KerberosError || error instanceof DerError) return null;
    throw error;
  }
}

function etypeInfo(client: Client, { policy }: ForestState): EtypeInfo[] {
  if (typeof client === 'string') return [];
  const { keys, kvno } = client.state;
  return policy.etypes.flatMap((etype) => {
    const salt = keys.find((key) => key.etype === etype)?.salt;
    return salt === undefined ? [] : [{ etype, salt, iterations: DEFAULT_ITERATIONS, kvno }];
  });
}

function invalid(what: string): AuthenticationRefusal {
  return new AuthenticationRefusal('AUTH_INPUT_INVALID', what);
}
