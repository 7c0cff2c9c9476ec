-- How many calls a tenant had on each day (UTC), kept by the statements that add and remove records, so that the total
-- of a page is a sum over days and costs the same however many records there are. A record counts for its account and
-- for its service provider; what comes twice is inserted once and so counted once.
CREATE TABLE call_counts (
  tenant_sid varchar(36) NOT NULL,
  day date NOT NULL,
  -- Of the records; '' where they name none.
  service_provider_sid varchar(36) NOT NULL,
  direction varchar(8) NOT NULL,
  answered boolean NOT NULL,
  total bigint NOT NULL,
  PRIMARY KEY (tenant_sid, day, service_provider_sid, direction, answered)
);
GRANT SELECT ON call_counts TO jambones_tenant;
ALTER TABLE call_counts ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON call_counts FOR SELECT TO jambones_tenant
  USING (tenant_sid = (SELECT tenant_account()) OR service_provider_sid = (SELECT tenant_service_provider()));

-- Rows are taken in one order, so that two processes that store records do not wait for each other in a circle.
CREATE FUNCTION note_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO call_counts AS c
  SELECT owner.sid, (r.attempted_at AT TIME ZONE 'UTC')::date, coalesce(r.service_provider_sid, ''), r.direction,
         r.answered, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END
  FROM noted AS r, LATERAL (VALUES (r.account_sid), (r.service_provider_sid)) AS owner (sid)
  WHERE owner.sid IS NOT NULL
  GROUP BY 1, 2, 3, 4, 5
  ORDER BY 1, 2, 3, 4, 5
  ON CONFLICT (tenant_sid, day, service_provider_sid, direction, answered) DO UPDATE SET total = c.total + excluded.total;
  RETURN NULL;
END $$;
-- These lock the table against writers until the records that are there are counted, below.
CREATE TRIGGER note_added AFTER INSERT ON recent_calls REFERENCING NEW TABLE AS noted
  FOR EACH STATEMENT EXECUTE FUNCTION note_calls();
CREATE TRIGGER note_removed AFTER DELETE ON recent_calls REFERENCING OLD TABLE AS noted
  FOR EACH STATEMENT EXECUTE FUNCTION note_calls();
-- Stragglers are removed from this partition by its own name.
CREATE TRIGGER note_removed AFTER DELETE ON recent_calls_default REFERENCING OLD TABLE AS noted
  FOR EACH STATEMENT EXECUTE FUNCTION note_calls();

CREATE OR REPLACE FUNCTION drop_partitions_before(parent text, stamp text, moment timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  child text;
  month date;
  dropped integer := 0;
BEGIN
  FOR child IN
    SELECT relid::regclass::text FROM pg_partition_tree(parent::regclass) WHERE isleaf
  LOOP
    CONTINUE WHEN child !~ '_[0-9]{6}$';
    month := to_date(right(child, 6), 'YYYYMM');
    IF (month + interval '1 month') AT TIME ZONE 'UTC' <= moment THEN
      EXECUTE format('DROP TABLE %s', child);
      dropped := dropped + 1;
      -- A month that has a partition has no record elsewhere.
      IF parent = 'recent_calls' THEN
        DELETE FROM call_counts WHERE day >= month AND day < month + interval '1 month';
      END IF;
    END IF;
  END LOOP;
  EXECUTE format('DELETE FROM %I WHERE %I < %L', parent || '_default', stamp, moment);
  IF parent = 'recent_calls' THEN
    DELETE FROM call_counts WHERE day < (moment AT TIME ZONE 'UTC')::date AND total = 0;
  END IF;
  RETURN dropped;
END $$;

INSERT INTO call_counts
SELECT owner.sid, (r.attempted_at AT TIME ZONE 'UTC')::date, coalesce(r.service_provider_sid, ''), r.direction,
       r.answered, count(*)
FROM recent_calls AS r, LATERAL (VALUES (r.account_sid), (r.service_provider_sid)) AS owner (sid)
WHERE owner.sid IS NOT NULL
GROUP BY 1, 2, 3, 4, 5;
