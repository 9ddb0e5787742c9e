/**
 * The challenge form over HTTP (architecture §2, S1–S9): the client's logon, ticket and proof; the service's presentation,
 * verification and application requests. A refusal is a problem with the code of RFC 4120 and the position of its event.
 */
import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import {
  PresentTicket,
  RequestApplication,
  RequestServiceTicket,
  RequestTgt,
  ReturnProof,
  VerifyClient,
} from '#authentication';
import type { Access } from '#operations';
import { Allow, commandRequest, CurrentAccess, readableForest } from './access.guard.js';
import { Problem } from './problem.filter.js';
import { CommandContext, type RequestContext } from './request-id.js';

const hex = (bytesMax: number) =>
  z
    .string()
    .regex(/^(?:[0-9a-f]{2})+$/i, 'must be hex')
    .max(bytesMax * 2);
const name = z.string().min(1).max(1024);
const etype = z.int().min(1).max(255);
const part = z.string().min(1).max(512);
const port = z.int().min(1).max(65535);

const logonBody = z
  .object({ forest: name, clientName: name, proof: hex(256).optional(), etype: etype.optional() })
  .meta({
    id: 'Logon',
    description: 'Without `proof` the answer (401) says how to make the key: etypes, salt, iterations.',
  });

const compose = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('host'), serviceClass: part, host: part, port: port.optional() }),
  z.object({ kind: z.literal('replicable'), serviceClass: part, host: part, port: port.optional(), serviceName: part }),
  z.object({ kind: z.literal('domain'), serviceClass: part, host: part, domain: part }),
]);
const ticketBody = z
  .object({ handle: name, spn: name.optional(), compose: compose.optional() })
  .refine(({ spn, compose }) => (spn === undefined) !== (compose === undefined), 'give either spn or compose')
  .meta({ id: 'TicketRequest' });

const presentationBody = z
  .object({ request: name, ticket: z.string().regex(/^[0-9A-F]{64}$/, 'must be upper-case hex SHA-256') })
  .meta({ id: 'Presentation' });

const verificationBody = z
  .discriminatedUnion('outcome', [
    z.object({ outcome: z.literal('verified'), clientName: name, etype, kvno: z.int().min(1) }),
    z.object({
      outcome: z.literal('rejected'),
      code: z.string().regex(/^[A-Z][A-Z0-9_]{2,63}$/, 'must be a code such as KRB_AP_ERR_BAD_INTEGRITY'),
      reason: z.string().min(1).max(1000),
      etype: etype.optional(),
      kvno: z.int().min(1).optional(),
    }),
  ])
  .meta({ id: 'ClientVerification' });

const proofBody = z.object({ handle: name, proof: hex(64) }).meta({ id: 'Proof' });
const applicationBody = z.object({ operation: z.string().min(1).max(256) }).meta({ id: 'ApplicationRequest' });
const idParam = z.string().min(1).max(128);

@ApiTags('exchange')
@ApiBearerAuth()
@Controller('v1')
export class ExchangesController {
  constructor(private readonly commands: CommandBus) {}

  @Post('logons')
  @Allow('client')
  @ApiOperation({ summary: 'S1: log on with a proof of the key, get a logon handle' })
  async logOn(
    @Body({ schema: logonBody }) body: z.infer<typeof logonBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    readableForest(access, body.forest);
    const reply = await this.commands.execute(
      new RequestTgt(commandRequest(context, access), body.forest, body.clientName, body.proof, body.etype),
    );
    if (reply.outcome === 'preauth-required') {
      throw new Problem(
        401,
        'KDC_ERR_PREAUTH_REQUIRED',
        'Prove the key: encrypt a PA-ENC-TS-ENC with it and send it as `proof`.',
        { etypeInfo: reply.etypeInfo },
      );
    }
    return accepted(reply);
  }

  @Post('tickets')
  @Allow('client')
  @ApiOperation({ summary: 'S2–S5: present an SPN, get a message encrypted with its holder’s key' })
  async requestTicket(
    @Body({ schema: ticketBody }) body: z.infer<typeof ticketBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    const service = body.compose ? { compose: body.compose } : { spn: body.spn! };
    return accepted(
      await this.commands.execute(new RequestServiceTicket(commandRequest(context, access), body.handle, service)),
    );
  }

  @Post('presentations')
  @Allow('agent')
  @ApiOperation({ summary: 'S6: the service says what it was handed' })
  async present(
    @Body({ schema: presentationBody }) body: z.infer<typeof presentationBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return accepted(
      await this.commands.execute(new PresentTicket(commandRequest(context, access), body.request, body.ticket)),
    );
  }

  @Post('presentations/:presentation/client-verification')
  @Allow('agent')
  @HttpCode(200)
  @ApiOperation({ summary: 'S7: the service says what came out when it decrypted the message' })
  async verifyClient(
    @Param('presentation', { schema: idParam }) presentation: string,
    @Body({ schema: verificationBody }) body: z.infer<typeof verificationBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return this.commands.execute(new VerifyClient(commandRequest(context, access), presentation, body));
  }

  @Post('presentations/:presentation/proof')
  @Allow('client')
  @HttpCode(200)
  @ApiOperation({ summary: 'S8 and S9: the client brings the service’s proof; a match authenticates the service' })
  async returnProof(
    @Param('presentation', { schema: idParam }) presentation: string,
    @Body({ schema: proofBody }) body: z.infer<typeof proofBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return accepted(
      await this.commands.execute(
        new ReturnProof(commandRequest(context, access), presentation, body.handle, body.proof),
      ),
    );
  }

  @Post('presentations/:presentation/application-requests')
  @Allow('agent')
  @HttpCode(200)
  @ApiOperation({ summary: 'May application traffic flow? Only after both sides are verified; recorded either way' })
  async requestApplication(
    @Param('presentation', { schema: idParam }) presentation: string,
    @Body({ schema: applicationBody }) body: z.infer<typeof applicationBody>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    return accepted(
      await this.commands.execute(
        new RequestApplication(commandRequest(context, access), presentation, body.operation),
      ),
    );
  }
}

type Refusal = { readonly outcome: 'refused' | 'failed'; readonly code: string; readonly reason: string };

function isRefusal(reply: { readonly outcome: string }): reply is Refusal {
  return reply.outcome === 'refused' || reply.outcome === 'failed';
}

/** The reply, or the problem that its refusal is. */
function accepted<Reply extends { readonly outcome: string }>(reply: Reply): Exclude<Reply, Refusal> {
  if (isRefusal(reply)) {
    const { code, reason, outcome: _, ...fields } = reply as Refusal & Record<string, unknown>;
    throw new Problem(403, code, reason, fields);
  }
  return reply as Exclude<Reply, Refusal>;
}
