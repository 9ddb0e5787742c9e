/**
 * Injection tokens of what every command handler takes from outside: the log, the clock and the random source. Interfaces
 * vanish at run time, so Nest finds them by these.
 */

export const EVENT_STORE = Symbol('EVENT_STORE');
export const CLOCK = Symbol('CLOCK');
export const RANDOM = Symbol('RANDOM');
