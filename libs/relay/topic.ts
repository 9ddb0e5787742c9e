export const EVENTS_TOPIC = 'kerbtrail.events.v1';
