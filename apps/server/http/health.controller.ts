/**
 * What machines ask the server about itself: /health (the process answers), /ready (it can serve: database reachable, no
 * projection stopped; `degraded` when no evidence is signed any more), /metrics (Prometheus text). Unversioned and open; no principal's name ever stands in a label.
 */
import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { EVENT_STORE, type EventStore } from '#event-store';
import { EVIDENCE, type Evidence } from '#evidence';
import { PROJECTORS, type Projectors } from '#projections';
import { Metrics } from '../metrics.js';
import { Public } from './access.guard.js';
import { Problem } from './problem.filter.js';

@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(PROJECTORS) private readonly projectors: Projectors,
    @Inject(EVIDENCE) private readonly evidence: Evidence,
    private readonly metrics: Metrics,
  ) {}

  @Public()
  @Get('health')
  health(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Public()
  @Get('ready')
  async ready(): Promise<object> {
    const head = await this.store.head().catch(() => undefined);
    if (head === undefined) throw new Problem(503, 'LOG_UNAVAILABLE', 'The event log cannot be reached.');
    const projections = this.projectors.status();
    const stopped = projections.filter(({ error }) => error !== undefined);
    if (stopped.length > 0) {
      const names = stopped.map(({ name }) => name).join(', ');
      throw new Problem(
        503,
        'PROJECTION_STOPPED',
        `Stopped on an event it could not project: ${names}. GET /v1/doctor says which.`,
      );
    }
    const { state, refusal } = this.evidence.status();
    const size = (await this.evidence.checkpoint())?.size ?? 0;
    return {
      // Events are still appended and answered from; what is missing is new evidence.
      status: refusal ? 'degraded' : 'ready',
      head,
      projections: projections.map(({ name, position }) => ({ name, position, lag: head - position })),
      evidence: { state, size, ...(refusal && { reason: refusal.reason }) },
    };
  }

  @Public()
  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async prometheus(): Promise<string> {
    const [head, newest] = await Promise.all([this.store.head(), this.evidence.checkpoint()]);
    const evidence = { size: newest?.size ?? 0, isRefused: this.evidence.status().state === 'refused' };
    return this.metrics.text(head, this.projectors.status(), evidence);
  }
}
