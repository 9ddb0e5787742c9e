/**
 * The evidence log as C2SP tlog-tiles has it (checkpoint, tiles, entries), and what is made of them: proofs, bundles, keys, status.
 * Whoever verifies recomputes all of it; nothing here asks to be believed. It is about the whole log, so a narrowed token gets none.
 */
import { Body, Controller, Get, Header, HttpCode, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Pool } from 'pg';
import { z } from 'zod';
import { EVENT_STORE, type EventStore } from '#event-store';
import {
  bundleOf,
  consistencyOf,
  entryBundle,
  EVIDENCE,
  type Evidence,
  EvidenceBehind,
  inclusionOf,
  readCheckpoint,
  readTile,
  type SignedCheckpoint,
  tlogProofOf,
} from '#evidence';
import { type Access, retirementAt, RotateCheckpointKey } from '#operations';
import { parseTilePath, type Selection, TILE_WIDTH } from '#tlog';
import { Allow, commandRequest, CurrentAccess, demandUnscoped } from './access.guard.js';
import { reference } from './openapi.js';
import { Problem } from './problem.filter.js';
import { CommandContext, type RequestContext } from './request-id.js';

const WAIT_MS = 5_000;
const OVERLAP_DAYS = 30;
const TILE_ROUTE = '/v1/evidence/';

const position = z.int().min(1);
const count = z.coerce.number().int().min(0);
const checkpointQuery = z.object({ size: count.optional(), after: count.optional() });
const proofQuery = z.object({ position: z.coerce.number().int().min(1) });
const consistencyQuery = z.object({ from: count, to: count.optional() });
const rotation = z.object({ overlapDays: z.int().min(0).optional() }).meta({
  id: 'KeyRotation',
  description: `For how many days the keys before it sign beside the new one; ${OVERLAP_DAYS} if not said.`,
});
const selection = z
  .union([
    z.strictObject({ positions: z.array(position).min(1).max(10_000) }),
    z.strictObject({ from: position, to: position }).refine(({ from, to }) => from <= to, 'from must not be above to'),
    z.strictObject({ stream: z.string().min(1).max(512) }),
  ])
  .meta({ id: 'EvidenceSelection', description: 'Events by position, as a range, or all of one stream.' });

@ApiTags('evidence')
@ApiBearerAuth()
@Controller('v1/evidence')
@Allow('auditor', 'operator')
export class EvidenceController {
  constructor(
    @Inject(EVIDENCE) private readonly evidence: Evidence,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    private readonly pool: Pool,
    private readonly commands: CommandBus,
  ) {}

  @Get('checkpoint')
  @Header('content-type', 'text/plain; charset=utf-8')
  @Header('cache-control', 'no-cache')
  @ApiOperation({
    summary: 'The newest signed checkpoint, or the newest of at most `size` events, as a C2SP signed note',
  })
  @ApiOkResponse({ description: 'Signed note', content: { 'text/plain': { schema: reference('Text') } } })
  async checkpoint(
    @Query({ schema: checkpointQuery }) { size, after = 1 }: z.infer<typeof checkpointQuery>,
    @CurrentAccess() access: Access,
  ): Promise<string> {
    demandUnscoped(access);
    if (size === undefined) return (await this.covering(after)).note;
    const found = await readCheckpoint(this.pool, size);
    if (!found) throw new Problem(404, 'EVIDENCE_NONE', `No checkpoint of at most ${size} events was signed.`);
    return found.note;
  }

  /** C2SP tlog-tiles: `tile/<level>/<index>[.p/<width>]` and `tile/entries/<index>[.p/<width>]`. */
  @Get('tile/*')
  @ApiOperation({ summary: 'A tile of the tree, or the entries under one (C2SP tlog-tiles paths)' })
  @ApiParam({ name: 'path', schema: { type: 'string' }, description: '0/x001/234, 0/005.p/17, entries/000' })
  @ApiOkResponse({ description: 'Bytes', content: { 'application/octet-stream': { schema: reference('Bytes') } } })
  async tile(
    @Req() request: FastifyRequest,
    @CurrentAccess() access: Access,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Buffer> {
    demandUnscoped(access);
    const path = request.url.split('?')[0]!.slice(TILE_ROUTE.length);
    const tile = parseTilePath(path);
    if (!tile)
      throw new Problem(
        404,
        'EVIDENCE_TILE_UNKNOWN',
        'This is not the path of a tile: C2SP tlog-tiles says how one is written.',
      );
    const isEntries = 'entries' in tile;
    const { pool, store } = this;
    const bytes = isEntries ? await entryBundle({ pool, store }, tile.index, tile.width) : await readTile(pool, tile);
    // A full tile never changes; entries may be withheld later, and are what is in doubt.
    const isFinal = !isEntries && tile.width === TILE_WIDTH;
    void reply
      .type('application/octet-stream')
      .header('cache-control', isFinal ? 'private, max-age=31536000, immutable' : 'no-cache');
    return bytes;
  }

  @Get('keys')
  @ApiOperation({
    summary: 'Verifier keys of the checkpoints (C2SP signed-note), each with the time in which it signs',
  })
  async keys(@CurrentAccess() access: Access) {
    demandUnscoped(access);
    return { origin: this.evidence.keys.origin, rows: await this.evidence.keys.list() };
  }

  @Post('keys/rotate')
  @Allow('operator')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Make a new checkpoint key, which signs from now on; the one before it beside it for a while',
  })
  rotate(
    @Body({ schema: rotation }) { overlapDays = OVERLAP_DAYS }: z.infer<typeof rotation>,
    @CommandContext() context: RequestContext,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    return this.commands.execute(new RotateCheckpointKey(commandRequest(context, access), overlapDays));
  }

  @Get('proof')
  @ApiOperation({ summary: 'That an event is in the signed tree: C2SP tlog-proof, or JSON where that is accepted' })
  @ApiOkResponse({
    description: 'A proof with its checkpoint',
    content: { 'text/plain': { schema: reference('Text') }, 'application/json': { schema: reference('Answer') } },
  })
  async proof(
    @Query({ schema: proofQuery }) { position: at }: z.infer<typeof proofQuery>,
    @CurrentAccess() access: Access,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string | object> {
    demandUnscoped(access);
    const checkpoint = await this.covering(at);
    if (!/\bapplication\/json\b/.test(request.headers.accept ?? '')) {
      void reply.type('text/plain; charset=utf-8');
      return tlogProofOf(this.pool, checkpoint, at);
    }
    const proof = (await inclusionOf(this.pool, checkpoint, at)).map((hash) => hash.toString('base64'));
    return { position: at, index: at - 1, size: checkpoint.size, proof, checkpoint: checkpoint.note };
  }

  @Get('consistency')
  @ApiOperation({
    summary: 'That the tree of `from` events is the beginning of the one of `to` (default: the newest signed)',
  })
  async consistency(
    @Query({ schema: consistencyQuery }) { from, to }: z.infer<typeof consistencyQuery>,
    @CurrentAccess() access: Access,
  ) {
    demandUnscoped(access);
    const end = to ?? (await this.covering(from)).size;
    if (from > end) throw new Problem(400, 'REQUEST_INVALID', 'from: must not be above to');
    await this.covering(end);
    const proof = (await consistencyOf(this.pool, from, end)).map((hash) => hash.toString('base64'));
    return { from, to: end, proof };
  }

  @Get('status')
  @ApiOperation({
    summary: 'How far the signed tree is, where its witness is, and why it signs no further if it does not',
  })
  async status(@CurrentAccess() access: Access) {
    demandUnscoped(access);
    const now = await this.evidence.settledStatus(WAIT_MS);
    const [head, newest, { rows }] = await Promise.all([
      this.store.head(),
      this.evidence.checkpoint(),
      this.pool.query<{ last: number }>('SELECT coalesce(max(position), 0) AS last FROM log.event_log'),
    ]);
    return {
      ...now,
      origin: this.evidence.keys.origin,
      size: newest?.size ?? 0,
      head,
      signedAt: newest?.signedAt ?? null,
      witness: this.evidence.witness.place,
      /** Rows that somebody put behind the log's end; none come there by appending. */
      beyondHead: Math.max(0, rows[0]!.last - head),
    };
  }

  @Post('bundle')
  @HttpCode(200)
  @ApiOperation({ summary: 'Events with their proofs and the checkpoint in one file, verifiable without this server' })
  async bundle(@Body({ schema: selection }) body: z.infer<typeof selection>, @CurrentAccess() access: Access) {
    demandUnscoped(access);
    const selected = toSelection(body);
    const last =
      selected.kind === 'range'
        ? selected.to
        : selected.kind === 'positions'
          ? selected.positions.at(-1)!
          : await this.store.head();
    const checkpoint = await this.covering(last);
    const { keys } = this.evidence;
    const verifierKeys = (await keys.list()).map(({ verifierKey }) => verifierKey);
    const ports = { pool: this.pool, store: this.store };
    return bundleOf(
      { ...ports, retirementAt: (at) => retirementAt(ports, at) },
      { origin: keys.origin, verifierKeys, checkpoint },
      selected,
    );
  }

  /** A checkpoint that covers the position: waits a few seconds for one, since the keeper signs once a second. */
  private async covering(at: number): Promise<SignedCheckpoint> {
    const head = await this.store.head();
    if (at > Math.max(head, 1))
      throw new Problem(404, 'EVENT_UNKNOWN', `There is no event at position ${at}; the log ends at ${head}.`);
    const checkpoint = await this.evidence.waitFor(at, WAIT_MS);
    if (!checkpoint || checkpoint.size < at) throw new EvidenceBehind(at, checkpoint?.size ?? 0);
    return checkpoint;
  }
}

function toSelection(body: z.infer<typeof selection>): Selection {
  if ('stream' in body) return { kind: 'stream', stream: body.stream };
  if ('from' in body) return { kind: 'range', from: body.from, to: body.to };
  return { kind: 'positions', positions: [...new Set(body.positions)].toSorted((a, b) => a - b) };
}
