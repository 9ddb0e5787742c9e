#!/usr/bin/env node
/** Writes docs/asyncapi/kerbtrail.asyncapi.json anew from the event catalogues: `npm run docs:asyncapi`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { format, resolveConfig } from 'prettier';
import { exchangeEvents, lockoutEvents } from '#authentication';
import { directoryEvents } from '#directory';
import { operationEvents } from '#operations';
import { asyncApiDocument } from '#relay';

const path = 'docs/asyncapi/kerbtrail.asyncapi.json';
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const published = JSON.parse(readFileSync(path, 'utf8'));
const catalogues = [directoryEvents, exchangeEvents, lockoutEvents, operationEvents];
const document = asyncApiDocument(catalogues, version, published);
writeFileSync(path, await format(JSON.stringify(document), { ...(await resolveConfig(path)), filepath: path }));
