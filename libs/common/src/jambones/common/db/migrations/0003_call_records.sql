-- Call records and alerts. Both arrive at least once: the primary key makes the second arrival a no-op.

CREATE TABLE recent_calls (
  record_id varchar(128) NOT NULL,
  attempted_at timestamptz NOT NULL,
  answered_at timestamptz,
  terminated_at timestamptz,
  account_sid varchar(36) NOT NULL,
  service_provider_sid varchar(36),
  application_sid varchar(36),
  call_sid varchar(36),
  sip_callid varchar(255),
  sip_parent_callid varchar(255),
  "from" varchar(255),
  "to" varchar(255),
  direction varchar(8) NOT NULL CONSTRAINT recent_calls_direction_check CHECK (direction IN ('inbound', 'outbound')),
  answered boolean NOT NULL,
  sip_status integer,
  sip_reason varchar(255),
  duration integer NOT NULL DEFAULT 0,
  termination_reason varchar(255),
  hangup_side varchar(16),
  host varchar(255),
  remote_host varchar(255),
  trunk varchar(255),
  gateway_sid varchar(36),
  trace_id varchar(32),
  recording_url varchar(1024),
  user_agent varchar(255),
  codec varchar(32),
  details jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (attempted_at, record_id)
) PARTITION BY RANGE (attempted_at);
-- Newest first within one tenant: a page costs the same however old the platform is.
CREATE INDEX recent_calls_account_idx ON recent_calls (account_sid, attempted_at DESC);
CREATE INDEX recent_calls_service_provider_idx ON recent_calls (service_provider_sid, attempted_at DESC);
CREATE INDEX recent_calls_call_sid_idx ON recent_calls (call_sid);
CREATE INDEX recent_calls_sip_callid_idx ON recent_calls (sip_callid);

CREATE TABLE recent_calls_default PARTITION OF recent_calls DEFAULT;

CREATE TABLE alerts (
  record_id varchar(128) NOT NULL,
  time timestamptz NOT NULL,
  account_sid varchar(36),
  service_provider_sid varchar(36),
  alert_type varchar(64) NOT NULL,
  vendor varchar(64),
  message text,
  detail text,
  target_sid varchar(64),
  PRIMARY KEY (time, record_id)
) PARTITION BY RANGE (time);
CREATE INDEX alerts_account_idx ON alerts (account_sid, time DESC);
CREATE INDEX alerts_service_provider_idx ON alerts (service_provider_sid, time DESC);

CREATE TABLE alerts_default PARTITION OF alerts DEFAULT;

-- Makes the partition of the month that holds "moment". Rows that came before it went to the default partition;
-- then the month stays there (a partition cannot be carved out under existing rows).
CREATE FUNCTION ensure_partition(parent text, moment timestamptz) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  low timestamptz := date_trunc('month', moment, 'UTC');
  high timestamptz := date_trunc('month', moment, 'UTC') + interval '1 month';
  child text := parent || '_' || to_char(low AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
  IF to_regclass(child) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', child, parent, low, high);
  RETURN true;
EXCEPTION WHEN check_violation OR duplicate_table THEN
  RETURN false;
END $$;

-- Drops the monthly partitions that end before "moment" and clears older rows out of the default one.
CREATE FUNCTION drop_partitions_before(parent text, stamp text, moment timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  child text;
  dropped integer := 0;
BEGIN
  FOR child IN
    SELECT relid::regclass::text FROM pg_partition_tree(parent::regclass) WHERE isleaf
  LOOP
    IF child ~ '_[0-9]{6}$'
       AND to_date(right(child, 6), 'YYYYMM')::timestamp AT TIME ZONE 'UTC' + interval '1 month' <= moment THEN
      EXECUTE format('DROP TABLE %s', child);
      dropped := dropped + 1;
    END IF;
  END LOOP;
  EXECUTE format('DELETE FROM %I WHERE %I < %L', parent || '_default', stamp, moment);
  RETURN dropped;
END $$;
