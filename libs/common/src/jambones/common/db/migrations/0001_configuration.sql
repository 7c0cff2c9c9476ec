-- What people configure. Sids are text, not uuid: callers look up junk and deserve "unknown", not a cast error.
-- Columns that hold ciphertext are text without a limit; see jambones.common.secrets.

CREATE TABLE schema_version (version varchar(16) NOT NULL);
INSERT INTO schema_version VALUES ('1');

CREATE TABLE service_providers (
  service_provider_sid varchar(36) PRIMARY KEY,
  name varchar(64) NOT NULL,
  description varchar(255),
  root_domain varchar(128),
  registration_hook_sid varchar(36),
  ms_teams_fqdn varchar(255)
);
CREATE UNIQUE INDEX service_providers_name_key ON service_providers (lower(name));
CREATE UNIQUE INDEX service_providers_root_domain_key ON service_providers (lower(root_domain));

CREATE TABLE accounts (
  account_sid varchar(36) PRIMARY KEY,
  name varchar(64) NOT NULL,
  sip_realm varchar(132),
  service_provider_sid varchar(36) NOT NULL
    CONSTRAINT accounts_service_provider_sid_fkey REFERENCES service_providers,
  registration_hook_sid varchar(36),
  queue_event_hook_sid varchar(36),
  device_calling_application_sid varchar(36),
  siprec_hook_sid varchar(36),
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  plan_type varchar(16) NOT NULL DEFAULT 'trial'
    CONSTRAINT accounts_plan_type_check CHECK (plan_type IN ('trial', 'free', 'paid')),
  stripe_customer_id varchar(56),
  webhook_secret text NOT NULL,
  disable_cdrs boolean NOT NULL DEFAULT false,
  trial_end_date timestamptz,
  deactivated_reason varchar(255),
  device_to_call_ratio integer NOT NULL DEFAULT 5,
  subspace_client_id varchar(255),
  subspace_client_secret varchar(255),
  subspace_sip_teleport_id varchar(255),
  subspace_sip_teleport_destinations varchar(255),
  record_all_calls boolean NOT NULL DEFAULT false,
  record_format varchar(16) NOT NULL DEFAULT 'mp3'
    CONSTRAINT accounts_record_format_check CHECK (record_format IN ('mp3', 'wav')),
  bucket_credential text,
  enable_debug_log boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX accounts_sip_realm_key ON accounts (lower(sip_realm));
CREATE INDEX accounts_service_provider_sid_idx ON accounts (service_provider_sid);

-- account_sid and service_provider_sid say who owns a hook (row-level security); they never leave the platform.
CREATE TABLE webhooks (
  webhook_sid varchar(36) PRIMARY KEY,
  url varchar(1024) NOT NULL,
  method varchar(4) NOT NULL DEFAULT 'POST'
    CONSTRAINT webhooks_method_check CHECK (method IN ('GET', 'POST')),
  username varchar(255),
  password text,
  account_sid varchar(36)
    CONSTRAINT webhooks_account_sid_fkey REFERENCES accounts ON DELETE CASCADE,
  service_provider_sid varchar(36)
    CONSTRAINT webhooks_service_provider_sid_fkey REFERENCES service_providers ON DELETE CASCADE
);
CREATE INDEX webhooks_account_sid_idx ON webhooks (account_sid);

CREATE TABLE applications (
  application_sid varchar(36) PRIMARY KEY,
  name varchar(64) NOT NULL,
  service_provider_sid varchar(36)
    CONSTRAINT applications_service_provider_sid_fkey REFERENCES service_providers,
  account_sid varchar(36) CONSTRAINT applications_account_sid_fkey REFERENCES accounts,
  call_hook_sid varchar(36) CONSTRAINT applications_call_hook_sid_fkey REFERENCES webhooks,
  call_status_hook_sid varchar(36) CONSTRAINT applications_call_status_hook_sid_fkey REFERENCES webhooks,
  messaging_hook_sid varchar(36) CONSTRAINT applications_messaging_hook_sid_fkey REFERENCES webhooks,
  app_json text,
  speech_synthesis_vendor varchar(64) NOT NULL DEFAULT 'google',
  speech_synthesis_language varchar(12) NOT NULL DEFAULT 'en-US',
  speech_synthesis_voice varchar(256) DEFAULT 'en-US-Standard-C',
  speech_synthesis_label varchar(64),
  speech_recognizer_vendor varchar(64) NOT NULL DEFAULT 'google',
  speech_recognizer_language varchar(64) NOT NULL DEFAULT 'en-US',
  speech_recognizer_label varchar(64),
  use_for_fallback_speech boolean DEFAULT false,
  fallback_speech_synthesis_vendor varchar(64),
  fallback_speech_synthesis_language varchar(12),
  fallback_speech_synthesis_voice varchar(256),
  fallback_speech_synthesis_label varchar(64),
  fallback_speech_recognizer_vendor varchar(64),
  fallback_speech_recognizer_language varchar(64),
  fallback_speech_recognizer_label varchar(64),
  env_vars text,
  created_at timestamptz NOT NULL DEFAULT now(),
  record_all_calls boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX applications_account_sid_name_key ON applications (account_sid, lower(name));
CREATE INDEX applications_call_hook_sid_idx ON applications (call_hook_sid);

ALTER TABLE service_providers
  ADD CONSTRAINT service_providers_registration_hook_sid_fkey FOREIGN KEY (registration_hook_sid) REFERENCES webhooks;
ALTER TABLE accounts
  ADD CONSTRAINT accounts_registration_hook_sid_fkey FOREIGN KEY (registration_hook_sid) REFERENCES webhooks,
  ADD CONSTRAINT accounts_queue_event_hook_sid_fkey FOREIGN KEY (queue_event_hook_sid) REFERENCES webhooks,
  ADD CONSTRAINT accounts_device_calling_application_sid_fkey
    FOREIGN KEY (device_calling_application_sid) REFERENCES applications,
  ADD CONSTRAINT accounts_siprec_hook_sid_fkey FOREIGN KEY (siprec_hook_sid) REFERENCES applications;

CREATE TABLE voip_carriers (
  voip_carrier_sid varchar(36) PRIMARY KEY,
  name varchar(64) NOT NULL,
  description varchar(255),
  account_sid varchar(36) CONSTRAINT voip_carriers_account_sid_fkey REFERENCES accounts,
  service_provider_sid varchar(36)
    CONSTRAINT voip_carriers_service_provider_sid_fkey REFERENCES service_providers,
  application_sid varchar(36) CONSTRAINT voip_carriers_application_sid_fkey REFERENCES applications,
  e164_leading_plus boolean NOT NULL DEFAULT false,
  requires_register boolean NOT NULL DEFAULT false,
  register_username varchar(64),
  register_sip_realm varchar(64),
  register_password text,
  tech_prefix varchar(16),
  inbound_auth_username varchar(64),
  inbound_auth_password text,
  diversion varchar(32),
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  smpp_system_id varchar(255),
  smpp_password text,
  smpp_enquire_link_interval integer DEFAULT 0,
  smpp_inbound_system_id varchar(255),
  smpp_inbound_password text,
  register_from_user varchar(128),
  register_from_domain varchar(255),
  register_public_ip_in_contact boolean NOT NULL DEFAULT false,
  register_status varchar(4096),
  dtmf_type varchar(8) NOT NULL DEFAULT 'rfc2833'
    CONSTRAINT voip_carriers_dtmf_type_check CHECK (dtmf_type IN ('rfc2833', 'tones', 'info')),
  outbound_sip_proxy varchar(255),
  trunk_type varchar(16) NOT NULL DEFAULT 'static_ip'
    CONSTRAINT voip_carriers_trunk_type_check CHECK (trunk_type IN ('static_ip', 'auth', 'reg'))
);
CREATE INDEX voip_carriers_account_sid_idx ON voip_carriers (account_sid);
CREATE INDEX voip_carriers_service_provider_sid_idx ON voip_carriers (service_provider_sid);
CREATE INDEX voip_carriers_application_sid_idx ON voip_carriers (application_sid);

CREATE TABLE sip_gateways (
  sip_gateway_sid varchar(36) PRIMARY KEY,
  ipv4 varchar(128) NOT NULL,
  netmask integer NOT NULL DEFAULT 32,
  port integer,
  inbound boolean NOT NULL DEFAULT false,
  outbound boolean NOT NULL DEFAULT false,
  voip_carrier_sid varchar(36) NOT NULL
    CONSTRAINT sip_gateways_voip_carrier_sid_fkey REFERENCES voip_carriers,
  is_active boolean NOT NULL DEFAULT true,
  send_options_ping boolean NOT NULL DEFAULT false,
  use_sips_scheme boolean NOT NULL DEFAULT false,
  pad_crypto boolean NOT NULL DEFAULT false,
  protocol varchar(8) DEFAULT 'udp'
    CONSTRAINT sip_gateways_protocol_check CHECK (protocol IN ('udp', 'tcp', 'tls', 'tls/srtp')),
  remove_ice boolean NOT NULL DEFAULT false,
  dtls_off boolean NOT NULL DEFAULT false
);
CREATE INDEX sip_gateways_voip_carrier_sid_idx ON sip_gateways (voip_carrier_sid);
CREATE INDEX sip_gateways_ipv4_port_idx ON sip_gateways (ipv4, port);
CREATE INDEX sip_gateways_inbound_idx ON sip_gateways (inbound, netmask, ipv4);

CREATE TABLE phone_numbers (
  phone_number_sid varchar(36) PRIMARY KEY,
  number varchar(132) NOT NULL,
  voip_carrier_sid varchar(36) CONSTRAINT phone_numbers_voip_carrier_sid_fkey REFERENCES voip_carriers,
  account_sid varchar(36) CONSTRAINT phone_numbers_account_sid_fkey REFERENCES accounts,
  application_sid varchar(36) CONSTRAINT phone_numbers_application_sid_fkey REFERENCES applications,
  service_provider_sid varchar(36)
    CONSTRAINT phone_numbers_service_provider_sid_fkey REFERENCES service_providers,
  CONSTRAINT phone_numbers_number_voip_carrier_sid_key UNIQUE (number, voip_carrier_sid)
);
CREATE INDEX phone_numbers_voip_carrier_sid_idx ON phone_numbers (voip_carrier_sid);
CREATE INDEX phone_numbers_account_sid_number_idx ON phone_numbers (account_sid, number);
CREATE INDEX phone_numbers_application_sid_idx ON phone_numbers (application_sid);

CREATE TABLE call_routes (
  call_route_sid varchar(36) PRIMARY KEY,
  priority integer NOT NULL,
  account_sid varchar(36) NOT NULL CONSTRAINT call_routes_account_sid_fkey REFERENCES accounts,
  regex varchar(255) NOT NULL,
  application_sid varchar(36) NOT NULL CONSTRAINT call_routes_application_sid_fkey REFERENCES applications
);
CREATE INDEX call_routes_account_sid_priority_idx ON call_routes (account_sid, priority);

-- token is ciphertext (lists show it again); token_digest, SHA-256 of a random token, finds it.
CREATE TABLE api_keys (
  api_key_sid varchar(36) PRIMARY KEY,
  token text NOT NULL,
  token_digest bytea NOT NULL CONSTRAINT api_keys_token_digest_key UNIQUE,
  account_sid varchar(36) CONSTRAINT api_keys_account_sid_fkey REFERENCES accounts,
  service_provider_sid varchar(36) CONSTRAINT api_keys_service_provider_sid_fkey REFERENCES service_providers,
  expires_at timestamptz,
  last_used timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX api_keys_account_sid_idx ON api_keys (account_sid);

CREATE TABLE users (
  user_sid varchar(36) PRIMARY KEY,
  name varchar(255) NOT NULL,
  email varchar(255) NOT NULL,
  pending_email varchar(255),
  phone varchar(20) CONSTRAINT users_phone_key UNIQUE,
  hashed_password varchar(1024),
  account_sid varchar(36) CONSTRAINT users_account_sid_fkey REFERENCES accounts,
  service_provider_sid varchar(36) CONSTRAINT users_service_provider_sid_fkey REFERENCES service_providers,
  force_change boolean NOT NULL DEFAULT false,
  provider varchar(255) NOT NULL DEFAULT 'local',
  provider_userid varchar(255),
  scope varchar(16) NOT NULL DEFAULT 'read-write',
  phone_activation_code varchar(16),
  email_activation_code varchar(16),
  email_validated boolean NOT NULL DEFAULT false,
  phone_validated boolean NOT NULL DEFAULT false,
  email_content_opt_out boolean NOT NULL DEFAULT false,
  is_active boolean NOT NULL DEFAULT true,
  -- A user of an account is a user of that account's service provider: scope is read off these two columns.
  CONSTRAINT users_scope_check CHECK (account_sid IS NULL OR service_provider_sid IS NOT NULL)
);
CREATE UNIQUE INDEX users_name_key ON users (lower(name));
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
CREATE INDEX users_account_sid_idx ON users (account_sid);

CREATE TABLE permissions (
  permission_sid varchar(36) PRIMARY KEY,
  name varchar(32) NOT NULL CONSTRAINT permissions_name_key UNIQUE,
  description varchar(255)
);
INSERT INTO permissions VALUES
  ('ffbc342a-546a-11ed-bdc3-0242ac120002', 'VIEW_ONLY', 'May read, may not change anything'),
  ('ffbc3a10-546a-11ed-bdc3-0242ac120002', 'PROVISION_SERVICES', 'May provision services'),
  ('ffbc3c5e-546a-11ed-bdc3-0242ac120002', 'PROVISION_USERS', 'May provision users');

CREATE TABLE user_permissions (
  user_permissions_sid varchar(36) PRIMARY KEY,
  user_sid varchar(36) NOT NULL CONSTRAINT user_permissions_user_sid_fkey REFERENCES users ON DELETE CASCADE,
  permission_sid varchar(36) NOT NULL
    CONSTRAINT user_permissions_permission_sid_fkey REFERENCES permissions ON DELETE CASCADE,
  CONSTRAINT user_permissions_user_sid_permission_sid_key UNIQUE (user_sid, permission_sid)
);

CREATE TABLE account_limits (
  account_limits_sid varchar(36) PRIMARY KEY,
  account_sid varchar(36) NOT NULL CONSTRAINT account_limits_account_sid_fkey REFERENCES accounts ON DELETE CASCADE,
  category varchar(32) NOT NULL CONSTRAINT account_limits_category_check CHECK (category IN (
    'api_rate', 'voice_call_session', 'device', 'voice_call_minutes', 'voice_call_session_license',
    'voice_call_minutes_license')),
  quantity integer NOT NULL,
  CONSTRAINT account_limits_account_sid_category_key UNIQUE (account_sid, category)
);

CREATE TABLE service_provider_limits (
  service_provider_limits_sid varchar(36) PRIMARY KEY,
  service_provider_sid varchar(36) NOT NULL
    CONSTRAINT service_provider_limits_service_provider_sid_fkey REFERENCES service_providers ON DELETE CASCADE,
  category varchar(32) NOT NULL CONSTRAINT service_provider_limits_category_check CHECK (category IN (
    'api_rate', 'voice_call_session', 'device', 'voice_call_minutes', 'voice_call_session_license',
    'voice_call_minutes_license')),
  quantity integer NOT NULL,
  CONSTRAINT service_provider_limits_service_provider_sid_category_key UNIQUE (service_provider_sid, category)
);

CREATE TABLE clients (
  client_sid varchar(36) PRIMARY KEY,
  account_sid varchar(36) NOT NULL CONSTRAINT clients_account_sid_fkey REFERENCES accounts,
  is_active boolean NOT NULL DEFAULT true,
  username varchar(64) NOT NULL,
  password text,
  allow_direct_app_calling boolean NOT NULL DEFAULT true,
  allow_direct_queue_calling boolean NOT NULL DEFAULT true,
  allow_direct_user_calling boolean NOT NULL DEFAULT true
);
CREATE UNIQUE INDEX clients_account_sid_username_key ON clients (account_sid, lower(username));

CREATE TABLE speech_credentials (
  speech_credential_sid varchar(36) PRIMARY KEY,
  service_provider_sid varchar(36)
    CONSTRAINT speech_credentials_service_provider_sid_fkey REFERENCES service_providers,
  account_sid varchar(36) CONSTRAINT speech_credentials_account_sid_fkey REFERENCES accounts,
  vendor varchar(32) NOT NULL,
  credential text NOT NULL,
  use_for_tts boolean DEFAULT true,
  use_for_stt boolean DEFAULT true,
  last_used timestamptz,
  last_tested timestamptz,
  tts_tested_ok boolean,
  stt_tested_ok boolean,
  created_at timestamptz NOT NULL DEFAULT now(),
  label varchar(64)
);
CREATE UNIQUE INDEX speech_credentials_account_label_key ON speech_credentials (account_sid, vendor, lower(label))
  WHERE account_sid IS NOT NULL AND label IS NOT NULL;
CREATE UNIQUE INDEX speech_credentials_service_provider_label_key
  ON speech_credentials (service_provider_sid, vendor, lower(label))
  WHERE account_sid IS NULL AND label IS NOT NULL;

CREATE TABLE lcr (
  lcr_sid varchar(36) PRIMARY KEY,
  name varchar(64),
  is_active boolean NOT NULL DEFAULT true,
  default_carrier_set_entry_sid varchar(36),
  service_provider_sid varchar(36) CONSTRAINT lcr_service_provider_sid_fkey REFERENCES service_providers,
  account_sid varchar(36) CONSTRAINT lcr_account_sid_fkey REFERENCES accounts,
  CONSTRAINT lcr_account_sid_key UNIQUE (account_sid),
  CONSTRAINT lcr_service_provider_sid_key UNIQUE (service_provider_sid),
  CONSTRAINT lcr_owner_check CHECK (num_nonnulls(account_sid, service_provider_sid) <= 1)
);
CREATE TABLE lcr_routes (
  lcr_route_sid varchar(36) PRIMARY KEY,
  lcr_sid varchar(36) NOT NULL CONSTRAINT lcr_routes_lcr_sid_fkey REFERENCES lcr ON DELETE CASCADE,
  regex varchar(32) NOT NULL,
  description varchar(1024),
  priority integer NOT NULL
);
CREATE INDEX lcr_routes_lcr_sid_priority_idx ON lcr_routes (lcr_sid, priority);
CREATE TABLE lcr_carrier_set_entry (
  lcr_carrier_set_entry_sid varchar(36) PRIMARY KEY,
  workload integer NOT NULL DEFAULT 1,
  lcr_route_sid varchar(36) NOT NULL
    CONSTRAINT lcr_carrier_set_entry_lcr_route_sid_fkey REFERENCES lcr_routes ON DELETE CASCADE,
  voip_carrier_sid varchar(36) NOT NULL
    CONSTRAINT lcr_carrier_set_entry_voip_carrier_sid_fkey REFERENCES voip_carriers,
  priority integer NOT NULL DEFAULT 0
);
CREATE INDEX lcr_carrier_set_entry_lcr_route_sid_idx ON lcr_carrier_set_entry (lcr_route_sid, priority);
CREATE INDEX lcr_carrier_set_entry_voip_carrier_sid_idx ON lcr_carrier_set_entry (voip_carrier_sid);
ALTER TABLE lcr ADD CONSTRAINT lcr_default_carrier_set_entry_sid_fkey
  FOREIGN KEY (default_carrier_set_entry_sid) REFERENCES lcr_carrier_set_entry ON DELETE SET NULL;

-- pinned: entered by hand, so the sweep of edges that stopped reporting leaves it alone.
CREATE TABLE sbc_addresses (
  sbc_address_sid varchar(36) PRIMARY KEY,
  ipv4 varchar(255) NOT NULL,
  port integer NOT NULL DEFAULT 5060,
  tls_port integer,
  wss_port integer,
  service_provider_sid varchar(36)
    CONSTRAINT sbc_addresses_service_provider_sid_fkey REFERENCES service_providers ON DELETE CASCADE,
  last_updated timestamptz,
  pinned boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX sbc_addresses_ipv4_port_key ON sbc_addresses (ipv4, port, coalesce(service_provider_sid, ''));

CREATE TABLE password_settings (
  only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT password_settings_only_row_check CHECK (only_row),
  min_password_length integer NOT NULL DEFAULT 8,
  require_digit boolean NOT NULL DEFAULT false,
  require_special_character boolean NOT NULL DEFAULT false
);

CREATE TABLE system_information (
  only_row boolean PRIMARY KEY DEFAULT true CONSTRAINT system_information_only_row_check CHECK (only_row),
  domain_name varchar(255),
  sip_domain_name varchar(255),
  monitoring_domain_name varchar(255),
  private_network_cidr varchar(8192),
  log_level varchar(8) NOT NULL DEFAULT 'info'
    CONSTRAINT system_information_log_level_check CHECK (log_level IN ('info', 'debug'))
);
