-- The policies asked whether a row's account is among those the tenant sees, for which every query read the whole table
-- of accounts: 40 us of a request by sid with a hundred accounts, and more with more. An account now compares its own
-- sid; only a service provider looks for its accounts, by their index. What a query may see is the same.
ALTER POLICY owns ON accounts
  USING (account_sid = (SELECT tenant_account()) OR service_provider_sid = (SELECT tenant_service_provider()));

DO $$
DECLARE
  name text;
  of_account text := 'account_sid = (SELECT tenant_account()) OR account_sid IN '
    '(SELECT account_sid FROM accounts WHERE service_provider_sid = (SELECT tenant_service_provider()))';
BEGIN
  FOREACH name IN ARRAY ARRAY['webhooks', 'applications', 'voip_carriers', 'phone_numbers', 'api_keys', 'users',
                              'speech_credentials', 'lcr']
  LOOP
    EXECUTE format('ALTER POLICY owns ON %I USING (%s OR (account_sid IS NULL '
                   'AND service_provider_sid = (SELECT tenant_service_provider())))', name, of_account);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['call_routes', 'clients', 'account_limits']
  LOOP
    EXECUTE format('ALTER POLICY owns ON %I USING (%s)', name, of_account);
  END LOOP;
END $$;
