/**
 * Prometheus metrics of this process. Labels are routes, methods, statuses, partitions and projection names only: never a
 * principal, an SPN or an address. A process tells of what it runs or answers from, and nothing else.
 */
import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { IngestStatus } from './boot/kafka.js';
import type { ObservedProjection, ObservedRelay } from './running.js';

export type Observed = {
  /** Position of the last event in the log. */
  readonly head: number;
  readonly projections: readonly ObservedProjection[];
  readonly evidence?: { readonly size: number; readonly isRefused: boolean };
  readonly relay?: ObservedRelay;
  readonly ingest?: IngestStatus;
};

type Sample = { readonly value: number; readonly labels?: Readonly<Record<string, string | number>> };

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

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  observeRequest(method: string, route: string, status: number, seconds: number): void {
    this.requests.observe({ method, route, status }, seconds);
  }

  async text({ head, projections, evidence, relay, ingest }: Observed): Promise<string> {
    this.gauge('kerbtrail_log_position', 'Position of the last event in the log.', [{ value: head }]);
    this.gauge(
      'kerbtrail_projection_lag_events',
      'Events that a projection has not seen yet.',
      projections.map(({ name, lag }) => ({ value: lag, labels: { projection: name } })),
    );
    this.gauge(
      'kerbtrail_projection_partition_lag_positions',
      'From the last event that a projection applied of a partition of this process to the last one published there.',
      projections.flatMap(({ name, partitions = [] }) =>
        partitions.map(({ partition, lag }) => ({ value: lag, labels: { projection: name, partition } })),
      ),
    );
    if (evidence) this.evidence(head, evidence);
    if (relay) this.relay(relay);
    if (ingest) this.ingest(ingest);
    return this.registry.metrics();
  }

  private evidence(head: number, { size, isRefused }: NonNullable<Observed['evidence']>): void {
    this.gauge('kerbtrail_evidence_lag_events', 'Events that no signed checkpoint covers yet.', [
      { value: Math.max(0, head - size) },
    ]);
    this.gauge(
      'kerbtrail_evidence_refused',
      '1 when no checkpoint is signed any more because log, tree and witness do not fit each other.',
      [{ value: Number(isRefused) }],
    );
  }

  private relay({ state, lag, lagSeconds }: ObservedRelay): void {
    this.gauge('kerbtrail_relay_lag_events', 'Events that are not in the topic yet.', [{ value: lag }]);
    this.gauge(
      'kerbtrail_relay_lag_seconds',
      'Age of the first event that is not in the topic yet.',
      lagSeconds === undefined ? [] : [{ value: lagSeconds }],
    );
    this.gauge('kerbtrail_relay_active', '1 in the process whose relay publishes.', [
      { value: Number(state === 'live' || state === 'catching-up') },
    ]);
  }

  private ingest({ partitions, counts }: IngestStatus): void {
    const { appended, duplicates, unmapped, refused } = counts;
    this.gauge(
      'kerbtrail_ingest_lag_messages',
      'Raw messages that are not read yet, of partitions of this process.',
      partitions.flatMap(({ partition, behind }) =>
        behind === null ? [] : [{ value: behind, labels: { partition } }],
      ),
    );
    this.gauge('kerbtrail_ingest_events', 'Events of raw messages since the start, new in the log or there already.', [
      { value: appended, labels: { kind: 'appended' } },
      { value: duplicates, labels: { kind: 'duplicate' } },
    ]);
    this.gauge('kerbtrail_ingest_messages', 'Raw messages since the start that made no event.', [
      { value: unmapped, labels: { kind: 'unmapped' } },
      { value: refused, labels: { kind: 'refused' } },
    ]);
  }

  /** These samples and no older ones of the name. */
  private gauge(name: string, help: string, samples: readonly Sample[]): void {
    const labelNames = [...new Set(samples.flatMap(({ labels = {} }) => Object.keys(labels)))];
    this.registry.removeSingleMetric(name);
    if (samples.length === 0) return; // a gauge without samples says 0
    const gauge = new Gauge({ name, help, labelNames, registers: [this.registry] });
    for (const { value, labels = {} } of samples) gauge.set({ ...labels }, value);
  }
}
