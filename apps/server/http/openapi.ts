/**
 * The OpenAPI 3.1 document. Requests come from the controllers' schemas; what holds for every operation alike is added here: the
 * problem that any of them may answer with, the position that a command tells, and `after`, which every query takes.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { readFileSync } from 'node:fs';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;
type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const position: Schema = { type: 'integer', minimum: 0, description: 'Position in the log.' };

const schemas: Record<string, Schema> = {
  Problem: {
    type: 'object',
    description: 'RFC 9457. Other members depend on the code.',
    required: ['type', 'title', 'status', 'code', 'detail', 'instance'],
    properties: {
      type: { type: 'string', format: 'uri' },
      title: { type: 'string' },
      status: { type: 'integer' },
      code: { type: 'string', description: 'Stable: what programs go by.' },
      detail: { type: 'string', description: 'What, where, and what to do next; for people.' },
      instance: { type: 'string' },
      errors: {
        type: 'array',
        description: 'Of REQUEST_INVALID: each fault by its JSON pointer.',
        items: {
          type: 'object',
          required: ['pointer', 'detail'],
          properties: { pointer: { type: 'string' }, detail: { type: 'string' } },
        },
      },
    },
  },
  Done: {
    type: 'object',
    description: 'What a command did; `position` is the `after` of a query that is to see it.',
    required: ['position'],
    properties: { position },
  },
  Page: {
    type: 'object',
    required: ['rows', 'next'],
    properties: {
      rows: { type: 'array', items: { type: 'object' } },
      next: {
        type: ['string', 'integer', 'null'] as never,
        description: '`cursor` of the next page; null on the last.',
      },
    },
  },
  Line: {
    type: 'object',
    description:
      'One JSON object a line, of one member that says what the line is; the last is `finished` or `failed`.',
    properties: Object.fromEntries(
      ['progress', 'quarantined', 'leftOut', 'finished', 'failed'].map((name) => [name, { type: 'object' }]),
    ),
  },
  Answer: { type: 'object' },
  Text: { type: 'string' },
  Bytes: { type: 'string', format: 'binary' },
};

export function openApi(app: NestFastifyApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Kerbtrail')
    .setDescription(
      'Event-sourced audit of Kerberos mutual authentication: SPN registrations, every step of an authentication, and what they mean.',
    )
    .setVersion(version())
    .addBearerAuth({
      type: 'http',
      scheme: 'bearer',
      description: 'A token such as kt_…; `kerbtrail token create` makes one.',
    })
    .build();
  const document = SwaggerModule.createDocument(app, builder);
  for (const item of Object.values(document.paths)) {
    for (const method of ['get', 'post', 'put', 'patch', 'delete'] as const) {
      const operation = item[method];
      if (operation) complete(operation, method === 'get');
    }
  }
  document.components = { ...document.components, schemas: { ...document.components?.schemas, ...schemas } };
  return document;
}

function complete(operation: Operation, isQuery: boolean): void {
  const parameters = (operation.parameters ??= []);
  const has = (name: string): boolean => parameters.some((one) => 'name' in one && one.name === name);
  if (isQuery && !has('after')) {
    const description = 'Position that the read models must have reached: waits at most five seconds for it.';
    parameters.push({ name: 'after', in: 'query', required: false, description, schema: position });
  }
  const answer = has('idempotency-key') ? 'Done' : has('limit') ? 'Page' : 'Answer';
  for (const response of Object.values(operation.responses)) {
    if (!response || '$ref' in response) continue;
    response.description ||= operation.summary ?? '';
    response.content ??= { 'application/json': { schema: reference(answer) } };
  }
  operation.responses['default'] = {
    description: 'A refusal or a failure',
    content: { 'application/problem+json': { schema: reference('Problem') } },
  };
}

/** To one of the schemas above. */
export function reference(schema: string): { $ref: string } {
  return { $ref: `#/components/schemas/${schema}` };
}

/** Of package.json, found upwards from the built file and from the source alike. */
function version(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    try {
      return (JSON.parse(readFileSync(new URL('package.json', folder), 'utf8')) as { version: string }).version;
    } catch (error) {
      if (folder.pathname === '/') throw error;
    }
  }
}
