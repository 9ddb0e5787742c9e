/**
 * Who may call what (architecture §9). A route without `@Allow` or `@Public` is closed: forgetting the decorator refuses
 * everybody instead of admitting anybody. The matrix roles × routes is tested cell by cell (test/server/access-matrix.e2e-spec.ts).
 */
import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Inject,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import type { Caller, CommandRequest } from '#directory';
import { type Access, authenticate, type Role } from '#operations';
import { type Clock, CLOCK, EVENT_STORE, type EventStore } from '#event-store';
import { Problem } from './problem.filter.js';
import type { RequestContext } from './request-id.js';

const ALLOW = 'kerbtrail:allow';
const PUBLIC = 'kerbtrail:public';

export const Allow = (...roles: Role[]): MethodDecorator & ClassDecorator => SetMetadata(ALLOW, roles);
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC, true);

type AuthenticatedRequest = FastifyRequest & { access?: Access };

@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC, targets)) return true;
    const request = context.switchToHttp().getRequest<AuthenticatedRequest>();
    const bearer = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (!bearer)
      throw unauthenticated('Send a token: "Authorization: Bearer kt_…" (kerbtrail token create makes one).');
    const access = await authenticate(this.store, bearer, this.clock.now());
    if (!access) throw unauthenticated('This token is unknown, revoked or expired: ask an operator for another.');
    const allowed = this.reflector.getAllAndOverride<Role[]>(ALLOW, targets) ?? [];
    if (!allowed.some((role) => access.roles.includes(role))) {
      const needed = allowed.length > 0 ? `one of the roles ${allowed.join(', ')}` : 'nobody';
      throw new Problem(403, 'ROLE_REQUIRED', `This needs ${needed}; the token has ${access.roles.join(', ')}.`, {
        allowed,
      });
    }
    request.access = access;
    return true;
  }
}

function unauthenticated(detail: string): Problem {
  return new Problem(401, 'TOKEN_REQUIRED', detail, {}, { 'www-authenticate': 'Bearer realm="kerbtrail"' });
}

/** The token's actor, roles and scope, as a handler's argument. */
export const CurrentAccess = createParamDecorator((_: unknown, context: ExecutionContext): Access => {
  const { access } = context.switchToHttp().getRequest<AuthenticatedRequest>();
  if (!access) throw new Problem(401, 'TOKEN_REQUIRED', 'Send a token.');
  return access;
});

/** The caller that the directory's deciders judge: what the token administers, and which account it is itself. */
function callerOf(access: Access): Caller {
  const account = access.actor.startsWith('account:') ? access.actor.slice('account:'.length) : undefined;
  const administers = access.roles.some((role) => role === 'operator' || role === 'installer');
  return {
    actor: access.actor,
    administers: !administers ? 'none' : isUnscoped(access) ? 'all' : access.scope,
    ...(account === undefined ? {} : { account }),
  };
}

/** What a command takes from its HTTP request beside its body. */
export function commandRequest(context: RequestContext, access: Access): CommandRequest {
  return { ...context, caller: callerOf(access) };
}

/** The forest that a request is about: the asked one, or the token's; another than the token's is refused. */
export function forestInScope(access: Access, asked: string | undefined): string | undefined {
  const { forest } = access.scope;
  if (forest !== undefined && asked !== undefined && asked !== forest) {
    throw new Problem(403, 'OUT_OF_SCOPE', `This token is for forest "${forest}" only.`);
  }
  return forest ?? asked;
}

/** The forest a query may read. A token of domains or accounts reads nothing: a query would show it more than those. */
export function readableForest(access: Access, asked: string | undefined): string | undefined {
  const { domains, accounts } = access.scope;
  if (domains !== undefined || accounts !== undefined) {
    throw new Problem(
      403,
      'OUT_OF_SCOPE',
      'This token is for some domains or accounts, and this is for whole forests: use a token with a forest as its scope.',
    );
  }
  return forestInScope(access, asked);
}

/** For what is about no forest, or about all: tokens, keys, read models. A narrowed operator could widen itself by it. */
export function demandUnscoped(access: Access): void {
  if (!isUnscoped(access)) {
    throw new Problem(403, 'OUT_OF_SCOPE', 'This is about every forest, and this token has a narrower scope.');
  }
}

function isUnscoped({ scope: { forest, domains, accounts } }: Access): boolean {
  return forest === undefined && domains === undefined && accounts === undefined;
}
