-- The second wall between tenants. A transaction opened for a tenant runs as the role jambones_tenant and sees only
-- its rows, whatever its SQL says. The owner of the tables (the platform itself) is not bound by the policies.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jambones_tenant') THEN
    CREATE ROLE jambones_tenant NOLOGIN;
  END IF;
EXCEPTION
  -- Two databases of one cluster may be migrated at the same moment.
  WHEN duplicate_object OR unique_violation THEN NULL;
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the role jambones_tenant is missing and % may not create roles', current_user
      USING HINT = format('As a superuser: CREATE ROLE jambones_tenant NOLOGIN; GRANT jambones_tenant TO %I;', current_user);
END $$;
-- SET ROLE needs the membership, except for a superuser. An operator who made the role beforehand granted it as well.
DO $$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('GRANT jambones_tenant TO %I', current_user);
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN NULL;
END $$;

CREATE FUNCTION tenant_account() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('jambones.account_sid', true), '') $$;
-- Only for a tenant that is a service provider itself.
CREATE FUNCTION tenant_service_provider() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN nullif(current_setting('jambones.account_sid', true), '') IS NULL
   THEN nullif(current_setting('jambones.service_provider_sid', true), '') END $$;
-- The service provider above the tenant (or the tenant itself): whose shared rows it may read.
CREATE FUNCTION tenant_shared_by() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE AS
$$ SELECT nullif(current_setting('jambones.service_provider_sid', true), '') $$;

GRANT USAGE ON SCHEMA public TO jambones_tenant;
GRANT SELECT ON predefined_carriers, predefined_sip_gateways, permissions, password_settings, schema_version,
  service_providers, service_provider_limits, sbc_addresses TO jambones_tenant;
GRANT UPDATE ON service_providers TO jambones_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts, webhooks, applications, voip_carriers, sip_gateways, phone_numbers,
  call_routes, api_keys, users, user_permissions, account_limits, service_provider_limits, clients, speech_credentials,
  lcr, lcr_routes, lcr_carrier_set_entry TO jambones_tenant;
GRANT SELECT ON recent_calls, alerts TO jambones_tenant;

ALTER TABLE service_providers ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON service_providers FOR SELECT TO jambones_tenant
  USING (service_provider_sid = tenant_shared_by());
CREATE POLICY writes ON service_providers FOR UPDATE TO jambones_tenant
  USING (service_provider_sid = tenant_service_provider());

ALTER TABLE accounts ENABLE ROW LEVEL SECURITY;
CREATE POLICY owns ON accounts TO jambones_tenant
  USING (account_sid = tenant_account() OR service_provider_sid = tenant_service_provider());

-- Rows of an account, or of a service provider for all its accounts.
DO $$
DECLARE
  name text;
BEGIN
  -- "account_sid IN (SELECT ... FROM accounts)" means the tenant's own accounts: accounts has its own policy above.
  FOREACH name IN ARRAY ARRAY['webhooks', 'applications', 'voip_carriers', 'phone_numbers', 'api_keys', 'users',
                              'speech_credentials', 'lcr']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($policy$
      CREATE POLICY owns ON %I TO jambones_tenant
        USING (account_sid IN (SELECT account_sid FROM accounts)
               OR (account_sid IS NULL AND service_provider_sid = tenant_service_provider()))
    $policy$, name);
  END LOOP;
  FOREACH name IN ARRAY ARRAY['call_routes', 'clients', 'account_limits']
  LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format($policy$
      CREATE POLICY owns ON %I TO jambones_tenant USING (account_sid IN (SELECT account_sid FROM accounts))
    $policy$, name);
  END LOOP;
  -- What a service provider shares is read, not written, by its accounts.
  FOREACH name IN ARRAY ARRAY['voip_carriers', 'speech_credentials']
  LOOP
    EXECUTE format($policy$
      CREATE POLICY shared ON %I FOR SELECT TO jambones_tenant
        USING (account_sid IS NULL AND service_provider_sid = tenant_shared_by())
    $policy$, name);
  END LOOP;
END $$;

ALTER TABLE sip_gateways ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON sip_gateways FOR SELECT TO jambones_tenant
  USING (voip_carrier_sid IN (SELECT voip_carrier_sid FROM voip_carriers));
-- Not through the carriers it only shares: those belong to the service provider.
CREATE POLICY writes ON sip_gateways TO jambones_tenant
  USING (voip_carrier_sid IN (SELECT voip_carrier_sid FROM voip_carriers
                              WHERE account_sid IS NOT NULL OR service_provider_sid = tenant_service_provider()));

ALTER TABLE user_permissions ENABLE ROW LEVEL SECURITY;
CREATE POLICY owns ON user_permissions TO jambones_tenant USING (user_sid IN (SELECT user_sid FROM users));

ALTER TABLE service_provider_limits ENABLE ROW LEVEL SECURITY;
CREATE POLICY owns ON service_provider_limits TO jambones_tenant
  USING (service_provider_sid = tenant_service_provider());

ALTER TABLE lcr_routes ENABLE ROW LEVEL SECURITY;
CREATE POLICY owns ON lcr_routes TO jambones_tenant USING (lcr_sid IN (SELECT lcr_sid FROM lcr));
ALTER TABLE lcr_carrier_set_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY owns ON lcr_carrier_set_entry TO jambones_tenant
  USING (lcr_route_sid IN (SELECT lcr_route_sid FROM lcr_routes));

ALTER TABLE sbc_addresses ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON sbc_addresses FOR SELECT TO jambones_tenant
  USING (service_provider_sid IS NULL OR service_provider_sid = tenant_shared_by());

ALTER TABLE recent_calls ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON recent_calls FOR SELECT TO jambones_tenant
  USING (account_sid = tenant_account() OR service_provider_sid = tenant_service_provider());
ALTER TABLE alerts ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON alerts FOR SELECT TO jambones_tenant
  USING (account_sid = tenant_account() OR service_provider_sid = tenant_service_provider());
