/**
 * What the HTTP server needs before it listens: security headers, raw bodies for imports, and the OpenAPI 3.1 page at /docs.
 */
import helmet from '@fastify/helmet';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { readFileSync } from 'node:fs';

export const IMPORT_MEDIA_TYPE = 'application/octet-stream';

export async function prepareHttp(app: NestFastifyApplication): Promise<void> {
  const fastify = app.getHttpAdapter().getInstance();
  // An import's body is a stream of any size: it goes to the reader as it comes and is never held in memory.
  fastify.addContentTypeParser(
    IMPORT_MEDIA_TYPE,
    (_request: unknown, payload: unknown, done: (error: null, body: unknown) => void) => done(null, payload),
  );
  await app.register(helmet as never, {
    // The page of the OpenAPI document brings its own script and style, and nothing from elsewhere.
    contentSecurityPolicy: { directives: { scriptSrc: ["'self'", "'unsafe-inline'"], upgradeInsecureRequests: null } },
  });
  SwaggerModule.setup('docs', app, openApi(app), {
    jsonDocumentUrl: 'docs/openapi.json',
    yamlDocumentUrl: 'docs/openapi.yaml',
  });
}

function openApi(app: NestFastifyApplication) {
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
  return SwaggerModule.createDocument(app, builder);
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
