-- A page of records comes with a total, which counts up to 100,000 rows. The policies looked into every row, one setting
-- at a time; now the settings are read once a query, and an index alone answers: 29 ms instead of 346 for a million rows.
ALTER POLICY reads ON recent_calls
  USING (account_sid = (SELECT tenant_account()) OR service_provider_sid = (SELECT tenant_service_provider()));
ALTER POLICY reads ON alerts
  USING (account_sid = (SELECT tenant_account()) OR service_provider_sid = (SELECT tenant_service_provider()));

-- Both sids are in both indexes, since the policies ask for both.
DROP INDEX recent_calls_account_idx;
DROP INDEX recent_calls_service_provider_idx;
CREATE INDEX recent_calls_account_idx
  ON recent_calls (account_sid, attempted_at DESC) INCLUDE (service_provider_sid);
CREATE INDEX recent_calls_service_provider_idx
  ON recent_calls (service_provider_sid, attempted_at DESC) INCLUDE (account_sid);
