-- Logged-in users, what they are sent to reset a password, and who tried and failed. Only the platform reads these:
-- the role of tenants has no rights on them.

CREATE TABLE sessions (
  session_id varchar(36) PRIMARY KEY,
  user_sid varchar(36) NOT NULL CONSTRAINT sessions_user_sid_fkey REFERENCES users ON DELETE CASCADE,
  expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_user_sid_idx ON sessions (user_sid);

-- The link itself is in the mail only; here is its SHA-256.
CREATE TABLE reset_links (
  link_digest bytea PRIMARY KEY,
  user_sid varchar(36) NOT NULL CONSTRAINT reset_links_user_sid_fkey REFERENCES users ON DELETE CASCADE,
  expires_at timestamptz NOT NULL
);
CREATE INDEX reset_links_user_sid_idx ON reset_links (user_sid);

CREATE TABLE login_failures (
  user_sid varchar(36) PRIMARY KEY CONSTRAINT login_failures_user_sid_fkey REFERENCES users ON DELETE CASCADE,
  failures integer NOT NULL,
  since timestamptz NOT NULL
);

-- What was answered to a POST with an Idempotency-Key: the same request again gets the same answer.
CREATE TABLE idempotent_answers (
  caller varchar(128) NOT NULL,
  idempotency_key varchar(255) NOT NULL,
  request_digest bytea NOT NULL,
  status integer,
  body text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (caller, idempotency_key)
);
CREATE INDEX idempotent_answers_created_at_idx ON idempotent_answers (created_at);

-- Who changed what; rows are only ever added, and dropped when they are too old.
CREATE TABLE audit_log (
  audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  caller varchar(128) NOT NULL,
  account_sid varchar(36),
  service_provider_sid varchar(36),
  operation varchar(64) NOT NULL,
  path varchar(512) NOT NULL,
  status integer NOT NULL,
  address varchar(64) NOT NULL,
  fields text[] NOT NULL
);
CREATE INDEX audit_log_account_sid_idx ON audit_log (account_sid, at DESC);
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is only added to';
END $$;
CREATE TRIGGER audit_log_stays BEFORE UPDATE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
