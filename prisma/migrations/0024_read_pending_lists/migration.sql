-- New entries of a GIN index wait in a list, and whoever fills it up sorts them in: with the default of 4 MB one page of events in
-- some hundred then takes hundreds of milliseconds, and who waits for his own event waits with it. In lists of 64 kB the whole
-- costs the same and no page stands out (measured: docs/performance.md).
SET LOCAL ROLE kerbtrail_app;

ALTER INDEX read.event_index_names_idx SET (gin_pending_list_limit = 64);
ALTER INDEX read.event_index_spn_keys_idx SET (gin_pending_list_limit = 64);
ALTER INDEX read.attempt_names_idx SET (gin_pending_list_limit = 64);
ALTER INDEX read.attempt_evidence_idx SET (gin_pending_list_limit = 64);
ALTER INDEX read.account_names_idx SET (gin_pending_list_limit = 64);

RESET ROLE;
