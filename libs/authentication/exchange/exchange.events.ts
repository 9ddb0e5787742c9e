/**
 * Events of `exchange` streams (a logon, a ticket request or a presentation decided by us, S1–S9 of architecture §2), and of
 * `source` streams when another KDC or host recorded the same step. Fields that only one of the two knows are optional.
 *
 * `logon`, `request` and `presentation` are the ids of the three exchanges; `ticket` is the ticket id (upper-case hex SHA-256
 * of the ciphertext). No plaintext nonce and no key is ever here; `nonceDigest` and `handleDigest` are SHA-256 of 128 random bits.
 */
import { z } from 'zod';
import { ACCOUNT, defineEvent, endpointOf, type EventsOf, of, PERSON, saidOf, SERVICE } from '#event-store';

const forest = z.string();
/** The name as the client or the log wrote it, realm included: `alice@CORP.EXAMPLE`. */
const clientName = z.string();
const refusal = { code: z.string(), reason: z.string() };
const endpoint = { address: z.string().optional() };

/** The client, under the name it used; where its account is known, whatever is said belongs to that. */
const named = { clientName: PERSON, address: endpointOf('clientName') };
const client = { client: ACCOUNT, clientName: of('client', 'self'), address: endpointOf('client', 'clientName') };
const said = { reason: saidOf('client', 'clientName') };

export const logonEvents = {
  TgtIssued: defineEvent(
    'TgtIssued',
    z.object({
      forest,
      domain: z.string().optional(),
      logon: z.string().optional(),
      client: z.string().optional(),
      clientName,
      /** What the initial ticket is for: `krbtgt/REALM`, or `kadmin/changepw` and the like. */
      service: z.string(),
      preAuthentication: z.string().optional(),
      replyEtype: z.int().optional(),
      etype: z.int().optional(),
      kvno: z.int().optional(),
      handleDigest: z.string().optional(),
      expiresAt: z.string().optional(),
      ...endpoint,
    }),
    { personal: { ...client, service: SERVICE } },
  ),
  TgtRefused: defineEvent(
    'TgtRefused',
    z.object({
      forest,
      logon: z.string().optional(),
      client: z.string().optional(),
      clientName,
      service: z.string(),
      ...refusal,
      ...endpoint,
    }),
    { personal: { ...client, ...said, service: SERVICE } },
  ),
  /** The normal first answer of an AS exchange (KDC_ERR_PREAUTH_REQUIRED): not a failure. */
  PreAuthenticationRequired: defineEvent(
    'PreAuthenticationRequired',
    z.object({ forest, clientName, service: z.string(), ...endpoint }),
    { personal: { ...named, service: SERVICE } },
  ),
  /** A second log of the same logon (Samba's JSON Authentication line): supports TgtIssued or TgtRefused, counts nothing twice. */
  AuthenticationLogged: defineEvent(
    'AuthenticationLogged',
    z.object({
      forest,
      clientName,
      account: z.string().optional(),
      sid: z.string().optional(),
      service: z.string(),
      description: z.string(),
      status: z.string(),
      keyType: z.string().optional(),
      ...endpoint,
    }),
    { personal: { ...named, account: ACCOUNT, sid: of('clientName') } },
  ),
};

export const ticketRequestEvents = {
  /** S1: how the client came to this SPN. Only when the client told us. */
  SpnComposed: defineEvent(
    'SpnComposed',
    z.object({
      forest,
      request: z.string(),
      spn: z.string(),
      serviceClass: z.string(),
      host: z.string(),
      port: z.int().optional(),
      serviceName: z.string().optional(),
    }),
  ),
  ServiceTicketRequested: defineEvent(
    'ServiceTicketRequested',
    z.object({
      forest,
      domain: z.string().optional(),
      request: z.string().optional(),
      logon: z.string().optional(),
      client: z.string().optional(),
      clientName,
      spn: z.string(),
      ...endpoint,
    }),
    { personal: { ...client, spn: SERVICE } },
  ),
  SpnResolved: defineEvent(
    'SpnResolved',
    z.object({
      forest,
      request: z.string(),
      spn: z.string(),
      account: z.string(),
      registeredSpn: z.string(),
      by: z.enum(['exact', 'alias']),
    }),
    { personal: { account: ACCOUNT } },
  ),
  SpnNotFound: defineEvent('SpnNotFound', z.object({ forest, request: z.string(), spn: z.string() })),
  SpnAmbiguous: defineEvent(
    'SpnAmbiguous',
    z.object({
      forest,
      request: z.string(),
      spn: z.string(),
      by: z.enum(['exact', 'alias']),
      holders: z.array(z.object({ account: z.string(), spn: z.string() })),
    }),
    { personal: { 'holders.account': ACCOUNT } },
  ),
  ServiceTicketIssued: defineEvent(
    'ServiceTicketIssued',
    z.object({
      forest,
      request: z.string().optional(),
      client: z.string().optional(),
      clientName,
      spn: z.string(),
      account: z.string().optional(),
      ticket: z.string().optional(),
      etype: z.int().optional(),
      sessionEtype: z.int().optional(),
      kvno: z.int().optional(),
      flags: z.array(z.string()).optional(),
      nonceDigest: z.string().optional(),
      expiresAt: z.string().optional(),
      ...endpoint,
    }),
    { personal: { ...client, account: ACCOUNT, spn: SERVICE } },
  ),
  ServiceTicketRefused: defineEvent(
    'ServiceTicketRefused',
    z.object({
      forest,
      request: z.string().optional(),
      client: z.string().optional(),
      clientName,
      spn: z.string(),
      account: z.string().optional(),
      ...refusal,
      ...endpoint,
    }),
    { personal: { ...client, ...said, account: ACCOUNT, spn: SERVICE } },
  ),
};

const presented = {
  forest,
  presentation: z.string().optional(),
  request: z.string().optional(),
  ticket: z.string().optional(),
  spn: z.string().optional(),
};

export const presentationEvents = {
  /** S6. `service` is the account (or outside id) of the agent that reports. */
  TicketPresented: defineEvent('TicketPresented', z.object({ ...presented, service: z.string(), ...endpoint }), {
    personal: { service: ACCOUNT, address: endpointOf('self') },
  }),
  /** S7. */
  ClientVerified: defineEvent(
    'ClientVerified',
    z.object({
      ...presented,
      client: z.string().optional(),
      clientName,
      kvno: z.int().optional(),
      etype: z.int().optional(),
    }),
    {
      personal: { client: ACCOUNT, clientName: of('client', 'self') },
    },
  ),
  /** S7 failed. An observed acceptor names itself (`acceptor`, kvno, etype) and neither client nor SPN. */
  ClientRejected: defineEvent(
    'ClientRejected',
    z.object({
      ...presented,
      ...refusal,
      acceptor: z.string().optional(),
      kvno: z.int().optional(),
      etype: z.int().optional(),
    }),
    { personal: { acceptor: PERSON, reason: saidOf('acceptor') } },
  ),
  /** A second line of an acceptor about the failure just logged: the status it gave to its caller. */
  AcceptorStatusLogged: defineEvent(
    'AcceptorStatusLogged',
    z.object({ forest, mechanism: z.string(), status: z.string() }),
  ),
  /** S8: what came back through the client; only its digest is kept. */
  ServiceProofReturned: defineEvent('ServiceProofReturned', z.object({ ...presented, proofDigest: z.string() })),
  /** S9. */
  ServiceVerified: defineEvent('ServiceVerified', z.object({ ...presented, verifier: z.enum(['kdc', 'client']) })),
  ServiceVerificationFailed: defineEvent(
    'ServiceVerificationFailed',
    z.object({ ...presented, verifier: z.enum(['kdc', 'client']), ...refusal }),
  ),
  ApplicationRequestAllowed: defineEvent(
    'ApplicationRequestAllowed',
    z.object({ ...presented, operation: z.string() }),
  ),
  ApplicationRequestRefused: defineEvent(
    'ApplicationRequestRefused',
    z.object({ ...presented, operation: z.string(), ...refusal }),
  ),
};

export const exchangeEvents = { ...logonEvents, ...ticketRequestEvents, ...presentationEvents };

export type LogonEvent = EventsOf<typeof logonEvents>;
export type TicketRequestEvent = EventsOf<typeof ticketRequestEvents>;
export type PresentationEvent = EventsOf<typeof presentationEvents>;
export type ExchangeEvent = EventsOf<typeof exchangeEvents>;
