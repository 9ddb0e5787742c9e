export * from './catalogue.js';
export * from './event.js';
export * from './event-store.js';
export * from './instant.js';
