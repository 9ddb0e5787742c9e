/**
 * Prometheus metrics of this process. Labels are routes, methods, statuses and projection names only: never a principal, an
 * SPN or an address.
 */
import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

type ProjectionPosition = { readonly name: string; readonly position: number };

@Injectable()
export class Metrics {
  private readonly registry = new Registry();
  private readonly requests = new Histogram({
    name: 'kerbtrail_http_request_duration_seconds',
    help: 'Time from request to answer.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.registry],
  });
  private readonly logPosition = new Gauge({
    name: 'kerbtrail_log_position',
    help: 'Position of the last event in the log.',
    registers: [this.registry],
  });
  private readonly projectionLag = new Gauge({
    name: 'kerbtrail_projection_lag_events',
    help: 'Events that a projection has not seen yet.',
    labelNames: ['projection'],
    registers: [this.registry],
  });

  private readonly evidenceLag = new Gauge({
    name: 'kerbtrail_evidence_lag_events',
    help: 'Events that no signed checkpoint covers yet.',
    registers: [this.registry],
  });
  private readonly evidenceRefused = new Gauge({
    name: 'kerbtrail_evidence_refused',
    help: '1 when no checkpoint is signed any more because log, tree and witness do not fit each other.',
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.requests.observe({ method, route, status }, seconds);
  }

  async text(
    head: number,
    projections: readonly ProjectionPosition[],
    evidence: { readonly size: number; readonly isRefused: boolean },
  ): Promise<string> {
    this.logPosition.set(head);
    this.evidenceLag.set(Math.max(0, head - evidence.size));
    this.evidenceRefused.set(Number(evidence.isRefused));
    for (const { name, position } of projections) this.projectionLag.set({ projection: name }, head - position);
    return this.registry.metrics();
  }
}
