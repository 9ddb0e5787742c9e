/**
 * What machines ask a process about itself, whatever its roles: /health (it answers), /ready (it can do its work: database
 * reachable, nothing stopped for good; `degraded` when no evidence is signed any more or Kafka does not answer), /metrics
 * (Prometheus text). Unversioned and open; no principal's name ever stands in a label.
 */
import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { Metrics } from '../metrics.js';
import {
  type ObservedProjection,
  type ObservedRelay,
  observeProjections,
  observeRelay,
  type Running,
  RUNNING,
} from '../running.js';
import { Public } from './access.guard.js';
import { Problem } from './problem.filter.js';

@ApiExcludeController()
@Controller()
export class HealthController {
  constructor(
    @Inject(RUNNING) private readonly running: Running,
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
    const head = await this.running.store.head().catch(() => undefined);
    if (head === undefined) throw new Problem(503, 'LOG_UNAVAILABLE', 'The event log cannot be reached.');
    const [projections, relay, evidence] = await Promise.all([
      observeProjections(this.running, head),
      observeRelay(this.running),
      this.evidence(),
    ]);
    demandProjections(projections);
    demandRelay(relay);
    const kafka = this.running.kafka?.status();
    const ingest = this.running.kafka?.ingest();
    const troubles = [evidence?.reason, relay?.trouble, ingest?.trouble];
    const isDegraded = troubles.some((trouble) => trouble !== undefined) || kafka?.state === 'connecting';
    return {
      // Events are still appended and answered from; what is missing is new evidence, or what goes through Kafka.
      status: isDegraded ? 'degraded' : 'ready',
      head,
      projections: projections.map(({ name, feed, position, lag, partitions }) => ({
        name,
        feed,
        position,
        lag,
        ...(partitions && { partitions }),
      })),
      ...(evidence && { evidence }),
      ...(kafka && { kafka }),
      ...(relay && { relay }),
      ...(ingest && { ingest }),
    };
  }

  @Public()
  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async prometheus(): Promise<string> {
    const { store, evidence, kafka } = this.running;
    const ingest = kafka?.ingest();
    const head = await store.head();
    const [projections, newest, relay] = await Promise.all([
      observeProjections(this.running, head),
      evidence?.checkpoint(),
      observeRelay(this.running),
    ]);
    return this.metrics.text({
      head,
      projections,
      ...(evidence && { evidence: { size: newest?.size ?? 0, isRefused: evidence.status().state === 'refused' } }),
      ...(relay && { relay }),
      ...(ingest && { ingest }),
    });
  }

  private async evidence(): Promise<{ state: string; size: number; reason?: string } | undefined> {
    const { evidence } = this.running;
    if (!evidence) return undefined;
    const { state, refusal } = evidence.status();
    const size = (await evidence.checkpoint())?.size ?? 0;
    return { state, size, ...(refusal && { reason: refusal.reason }) };
  }
}

function demandProjections(projections: readonly ObservedProjection[]): void {
  const stopped = projections.filter(({ error }) => error !== undefined);
  if (stopped.length === 0) return;
  const names = stopped.map(({ name }) => name).join(', ');
  throw new Problem(
    503,
    'PROJECTION_STOPPED',
    `Stopped on an event it could not project: ${names}. GET /v1/doctor says which.`,
  );
}

function demandRelay(relay: ObservedRelay | undefined): void {
  if (relay?.state !== 'failed') return;
  throw new Problem(
    503,
    'RELAY_STOPPED',
    `The relay stopped behind event ${relay.position}, which it could publish: ${relay.trouble}. Mend the cause and restart it.`,
  );
}
