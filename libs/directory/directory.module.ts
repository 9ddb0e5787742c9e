/**
 * The directory's command handlers. Whoever imports this gives the ports EVENT_STORE, CLOCK, RANDOM (#event-store),
 * KEY_STORE and NAME_KEY, from a global module.
 */
import { Module } from '@nestjs/common';
import { CqrsModule } from '@nestjs/cqrs';
import {
  CreateAccountHandler,
  DeleteAccountHandler,
  DisableAccountHandler,
  EnableAccountHandler,
  RenameAccountHandler,
  SetPasswordHandler,
} from './account/account.handlers.js';
import { DirectoryLog } from './directory-log.js';
import { AddDomainHandler, ChangePolicyHandler, CreateForestHandler } from './forest/forest.handlers.js';
import { RegisterSpnsHandler, RemoveSpnsHandler, ReplaceSpnsHandler } from './spn/spn-write.handlers.js';

@Module({
  imports: [CqrsModule],
  providers: [
    DirectoryLog,
    CreateForestHandler,
    AddDomainHandler,
    ChangePolicyHandler,
    CreateAccountHandler,
    RenameAccountHandler,
    SetPasswordHandler,
    EnableAccountHandler,
    DisableAccountHandler,
    DeleteAccountHandler,
    RegisterSpnsHandler,
    ReplaceSpnsHandler,
    RemoveSpnsHandler,
  ],
})
export class DirectoryModule {}
