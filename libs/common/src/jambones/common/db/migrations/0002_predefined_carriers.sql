-- Carrier templates that a tenant copies with one request. Addresses are the carriers' own published ones.

CREATE TABLE predefined_carriers (
  predefined_carrier_sid varchar(36) PRIMARY KEY,
  name varchar(64) NOT NULL,
  requires_static_ip boolean NOT NULL DEFAULT false,
  e164_leading_plus boolean NOT NULL DEFAULT false,
  requires_register boolean NOT NULL DEFAULT false,
  register_username varchar(64),
  register_sip_realm varchar(64),
  register_password varchar(64),
  tech_prefix varchar(16),
  inbound_auth_username varchar(64),
  inbound_auth_password varchar(64),
  diversion varchar(32),
  trunk_type varchar(16) NOT NULL DEFAULT 'static_ip'
    CONSTRAINT predefined_carriers_trunk_type_check CHECK (trunk_type IN ('static_ip', 'auth', 'reg'))
);
CREATE TABLE predefined_sip_gateways (
  predefined_sip_gateway_sid varchar(36) PRIMARY KEY DEFAULT gen_random_uuid()::text,
  ipv4 varchar(128) NOT NULL,
  port integer NOT NULL DEFAULT 5060,
  inbound boolean NOT NULL,
  outbound boolean NOT NULL,
  netmask integer NOT NULL DEFAULT 32,
  predefined_carrier_sid varchar(36) NOT NULL
    CONSTRAINT predefined_sip_gateways_predefined_carrier_sid_fkey REFERENCES predefined_carriers ON DELETE CASCADE
);

INSERT INTO predefined_carriers
  (predefined_carrier_sid, name, e164_leading_plus, register_username, register_password, tech_prefix,
   inbound_auth_username, inbound_auth_password, diversion, trunk_type)
VALUES
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', 'Twilio', true, '<your-username>', '<your-password>', NULL, NULL, NULL, NULL, 'static_ip'),
  ('032d90d5-39e8-41c0-b807-9c88cffba65c', 'Voxbone', true, NULL, NULL, NULL, NULL, NULL, '<your-diversion-number>', 'static_ip'),
  ('17479288-bb9f-421a-89d1-f4ac57af1dca', 'TelecomsXChange', false, NULL, NULL, '<your-prefix>', NULL, NULL, NULL, 'static_ip'),
  ('e6fb301a-1af0-4fb8-a1f6-f65530c6e1c6', 'Simwood', true, NULL, NULL, NULL, NULL, NULL, NULL, 'static_ip'),
  ('541ef8ec-0524-4a1d-b9c4-2a672764992e', 'Retell', true, NULL, NULL, NULL, '<your-username>', '<your-password>', NULL, 'auth');

INSERT INTO predefined_sip_gateways (predefined_carrier_sid, ipv4, netmask, inbound, outbound)
SELECT carrier, ipv4, netmask, is_inbound, NOT is_inbound
FROM (VALUES
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '54.172.60.0', 30, true),
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '54.244.51.0', 30, true),
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '54.171.127.192', 30, true),
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '35.156.191.128', 30, true),
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '54.65.63.192', 30, true),
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '54.252.254.64', 30, true),
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '54.169.127.128', 30, true),
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '177.71.206.192', 30, true),
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '168.86.128.0', 18, true),
  ('7d509a18-bbff-4c5d-b21e-b99bf8f8c49a', '<your-domain>.pstn.twilio.com', 32, false),
  ('032d90d5-39e8-41c0-b807-9c88cffba65c', '81.201.83.45', 32, true),
  ('032d90d5-39e8-41c0-b807-9c88cffba65c', '81.201.86.45', 32, true),
  ('032d90d5-39e8-41c0-b807-9c88cffba65c', '81.201.82.45', 32, true),
  ('032d90d5-39e8-41c0-b807-9c88cffba65c', '81.201.85.45', 32, true),
  ('032d90d5-39e8-41c0-b807-9c88cffba65c', '81.201.84.45', 32, true),
  ('032d90d5-39e8-41c0-b807-9c88cffba65c', '185.47.148.45', 32, true),
  ('032d90d5-39e8-41c0-b807-9c88cffba65c', 'outbound.voxbone.com', 32, false),
  ('17479288-bb9f-421a-89d1-f4ac57af1dca', '174.136.44.213', 32, true),
  ('17479288-bb9f-421a-89d1-f4ac57af1dca', 'sip01.TelecomsXChange.com', 32, false),
  ('e6fb301a-1af0-4fb8-a1f6-f65530c6e1c6', '178.22.139.77', 32, true),
  ('e6fb301a-1af0-4fb8-a1f6-f65530c6e1c6', '185.63.140.77', 32, true),
  ('e6fb301a-1af0-4fb8-a1f6-f65530c6e1c6', '185.63.142.77', 32, true),
  ('e6fb301a-1af0-4fb8-a1f6-f65530c6e1c6', '172.86.225.77', 32, true),
  ('e6fb301a-1af0-4fb8-a1f6-f65530c6e1c6', '172.86.225.88', 32, true),
  ('e6fb301a-1af0-4fb8-a1f6-f65530c6e1c6', 'out.simwood.com', 32, false),
  ('541ef8ec-0524-4a1d-b9c4-2a672764992e', 'sip.retellai.com', 32, false)
) AS template (carrier, ipv4, netmask, is_inbound);
