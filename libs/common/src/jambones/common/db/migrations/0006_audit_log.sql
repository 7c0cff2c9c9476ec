-- The audit log, complete and append-only: a trigger on every table of configuration writes each change with the values
-- before and after it, secrets masked, in the transaction that makes it. The log belongs to a role of its own; the
-- service may add to it and read it, and only the function below forgets what is old.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'jambones_audit') THEN
    CREATE ROLE jambones_audit NOLOGIN;
  END IF;
EXCEPTION
  WHEN duplicate_object OR unique_violation THEN NULL;
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the role jambones_audit is missing and % may not create roles', current_user
      USING HINT = format('As a superuser: CREATE ROLE jambones_audit NOLOGIN; '
                          'GRANT jambones_audit TO %I WITH ADMIN TRUE, INHERIT FALSE, SET FALSE;', current_user);
END $$;
-- To give a table away one must be able to become its new owner; taken back at the end.
DO $$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('GRANT jambones_audit TO %I', current_user);
  END IF;
END $$;
GRANT USAGE, CREATE ON SCHEMA public TO jambones_audit;

ALTER TABLE audit_log
  ALTER COLUMN status DROP NOT NULL,
  ADD COLUMN request_id varchar(36),
  ADD COLUMN caller_account_sid varchar(36),
  ADD COLUMN caller_service_provider_sid varchar(36),
  ADD COLUMN action varchar(6) CONSTRAINT audit_log_action_check CHECK (action IN ('insert', 'update', 'delete')),
  ADD COLUMN entity varchar(64),
  ADD COLUMN sid varchar(64),
  ADD COLUMN before jsonb,
  ADD COLUMN after jsonb;
CREATE INDEX audit_log_service_provider_sid_idx ON audit_log (service_provider_sid, at DESC);
CREATE INDEX audit_log_at_idx ON audit_log (at DESC);
CREATE INDEX audit_log_request_id_idx ON audit_log (request_id);

-- Arguments: the primary key; secret columns between commas; columns whose changes alone are not worth an entry.
-- Who does it is in the setting jambones.audit of the transaction; without it the change was made in SQL.
CREATE FUNCTION note_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  subject jsonb := coalesce(new_row, old_row);
  secret text[] := string_to_array(TG_ARGV[1], ',');
  quiet text[] := string_to_array(TG_ARGV[2], ',');
  context jsonb := coalesce(nullif(current_setting('jambones.audit', true), '')::jsonb, '{}');
  account text := subject ->> 'account_sid';
  provider text := subject ->> 'service_provider_sid';
  names text[];
  name text;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    SELECT array_agg(key ORDER BY key) INTO names FROM jsonb_each(new_row)
      WHERE old_row -> key IS DISTINCT FROM value AND key <> ALL (quiet);
    IF names IS NULL OR (context ->> 'operation' = 'reencrypt' AND names <@ secret) THEN
      RETURN NULL;
    END IF;
    SELECT jsonb_object_agg(n, old_row -> n), jsonb_object_agg(n, new_row -> n) INTO old_row, new_row
      FROM unnest(names) AS n;
  ELSE
    SELECT array_agg(key ORDER BY key) INTO names FROM jsonb_each(subject) WHERE jsonb_typeof(value) <> 'null';
  END IF;
  FOREACH name IN ARRAY secret LOOP
    IF jsonb_typeof(old_row -> name) <> 'null' THEN
      old_row := jsonb_set(old_row, ARRAY[name], '"***"');
    END IF;
    IF jsonb_typeof(new_row -> name) <> 'null' THEN
      new_row := jsonb_set(new_row, ARRAY[name], '"***"');
    END IF;
  END LOOP;
  -- A URL may carry a password.
  IF old_row ? 'url' THEN
    old_row := jsonb_set(old_row, '{url}',
      coalesce(to_jsonb(regexp_replace(old_row ->> 'url', '://[^/@]*@', '://***@')), 'null'));
  END IF;
  IF new_row ? 'url' THEN
    new_row := jsonb_set(new_row, '{url}',
      coalesce(to_jsonb(regexp_replace(new_row ->> 'url', '://[^/@]*@', '://***@')), 'null'));
  END IF;

  IF subject ? 'voip_carrier_sid' AND account IS NULL AND provider IS NULL THEN
    SELECT c.account_sid, c.service_provider_sid INTO account, provider FROM voip_carriers c
      WHERE c.voip_carrier_sid = subject ->> 'voip_carrier_sid';
  ELSIF subject ? 'user_sid' AND account IS NULL AND provider IS NULL THEN
    SELECT u.account_sid, u.service_provider_sid INTO account, provider FROM users u
      WHERE u.user_sid = subject ->> 'user_sid';
  ELSIF subject ? 'lcr_sid' AND account IS NULL AND provider IS NULL THEN
    SELECT l.account_sid, l.service_provider_sid INTO account, provider FROM lcr l
      WHERE l.lcr_sid = subject ->> 'lcr_sid';
  END IF;
  IF account IS NOT NULL AND provider IS NULL THEN
    SELECT a.service_provider_sid INTO provider FROM accounts a WHERE a.account_sid = account;
  END IF;

  INSERT INTO audit_log (request_id, caller, caller_account_sid, caller_service_provider_sid, account_sid,
                         service_provider_sid, operation, path, address, fields, action, entity, sid, before, after)
  VALUES (context ->> 'request_id', coalesce(context ->> 'caller', left('database ' || session_user, 128)),
          context ->> 'caller_account_sid', context ->> 'caller_service_provider_sid', account, provider,
          coalesce(context ->> 'operation', 'sql'), coalesce(context ->> 'path', ''),
          coalesce(context ->> 'address', ''), names, lower(TG_OP), TG_TABLE_NAME, subject ->> TG_ARGV[0],
          old_row, new_row);
  RETURN NULL;
END $$;

DO $$
DECLARE
  audited record;
BEGIN
  FOR audited IN
    SELECT * FROM (VALUES
      ('service_providers', 'service_provider_sid', '', ''),
      ('accounts', 'account_sid', 'webhook_secret,bucket_credential,subspace_client_secret', ''),
      ('webhooks', 'webhook_sid', 'password', ''),
      ('applications', 'application_sid', 'env_vars', ''),
      ('voip_carriers', 'voip_carrier_sid',
       'register_password,inbound_auth_password,smpp_password,smpp_inbound_password', 'register_status'),
      ('sip_gateways', 'sip_gateway_sid', '', ''),
      ('phone_numbers', 'phone_number_sid', '', ''),
      ('call_routes', 'call_route_sid', '', ''),
      ('api_keys', 'api_key_sid', 'token,token_digest', 'last_used'),
      ('users', 'user_sid', 'hashed_password,phone_activation_code,email_activation_code', ''),
      ('user_permissions', 'user_permissions_sid', '', ''),
      ('account_limits', 'account_limits_sid', '', ''),
      ('service_provider_limits', 'service_provider_limits_sid', '', ''),
      ('clients', 'client_sid', 'password', ''),
      ('speech_credentials', 'speech_credential_sid', 'credential',
       'last_used,last_tested,tts_tested_ok,stt_tested_ok'),
      ('lcr', 'lcr_sid', '', ''),
      ('lcr_routes', 'lcr_route_sid', '', ''),
      ('lcr_carrier_set_entry', 'lcr_carrier_set_entry_sid', '', ''),
      ('password_settings', '', '', ''),
      ('system_information', '', '', '')
    ) AS a (relation, key, secret, quiet)
  LOOP
    EXECUTE format('CREATE TRIGGER note_change AFTER INSERT OR UPDATE OR DELETE ON %I FOR EACH ROW '
                   'EXECUTE FUNCTION note_change(%L, %L, %L)',
                   audited.relation, audited.key, audited.secret, audited.quiet);
  END LOOP;
END $$;

-- Nobody changes or removes an entry, a superuser neither unless it becomes the log's owner on purpose.
CREATE OR REPLACE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_user = 'jambones_audit' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'the audit log is only added to';
END $$;
DROP TRIGGER audit_log_stays ON audit_log;
CREATE TRIGGER audit_log_stays BEFORE UPDATE OR DELETE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_log_stays_whole BEFORE TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- Entries of the last 90 days cannot be forgotten, whatever "moment" is.
CREATE FUNCTION forget_audit_before(moment timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  gone bigint;
BEGIN
  DELETE FROM audit_log WHERE at < least(moment, now() - interval '90 days');
  GET DIAGNOSTICS gone = ROW_COUNT;
  RETURN gone;
END $$;

DO $$
BEGIN
  EXECUTE format('GRANT SELECT, INSERT ON audit_log TO %I', current_user);
  ALTER TABLE audit_log ENABLE ROW LEVEL SECURITY;
  EXECUTE format('CREATE POLICY service ON audit_log TO %I USING (true)', current_user);
  EXECUTE format('ALTER TABLE audit_log OWNER TO jambones_audit');
  EXECUTE format('GRANT SELECT, INSERT ON audit_log TO %I', current_user);
  REVOKE ALL ON FUNCTION forget_audit_before(timestamptz) FROM PUBLIC;
  EXECUTE format('GRANT EXECUTE ON FUNCTION forget_audit_before(timestamptz) TO %I', current_user);
  ALTER FUNCTION forget_audit_before(timestamptz) OWNER TO jambones_audit;
  EXECUTE format('GRANT EXECUTE ON FUNCTION forget_audit_before(timestamptz) TO %I', current_user);
END $$;
GRANT SELECT ON audit_log TO jambones_tenant;
CREATE POLICY reads ON audit_log FOR SELECT TO jambones_tenant
  USING (account_sid = tenant_account() OR service_provider_sid = tenant_service_provider());

REVOKE CREATE ON SCHEMA public FROM jambones_audit;
DO $$
BEGIN
  IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
    EXECUTE format('REVOKE jambones_audit FROM %I', current_user);
  END IF;
END $$;
