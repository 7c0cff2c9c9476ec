"""A body for each operation that takes one: shown in the description, and sent by a test with sids that exist."""

from typing import Any

SID = "9351f46a-678c-43f5-b8a6-d4eb58d131af"
_HOOK = {"url": "https://app.example.com/hook", "method": "POST"}
_CARRIER: dict[str, Any] = {"name": "carrier one", "e164_leading_plus": 1, "trunk_type": "static_ip"}
_CHANGED_CARRIER: dict[str, Any] = {"description": "the one in Berlin", "tech_prefix": "9"}
_CREDENTIAL: dict[str, Any] = {
    "vendor": "deepgram", "label": "main", "api_key": "0123456789abcdef", "use_for_tts": 1, "use_for_stt": 1
}  # fmt: skip
_CHANGED_CREDENTIAL = {"use_for_tts": 0, "use_for_stt": 1}
_CALL = {
    "from": "15083084809",
    "to": {"type": "phone", "number": "16172375089"},
    "application_sid": SID,
    "tag": {"order": "17"},
}
_ROUTES = [
    {"regex": "1508", "priority": 1, "lcr_carrier_set_entries": [{"voip_carrier_sid": SID, "workload": 1}]},
    {"regex": ".*", "priority": 9999, "lcr_carrier_set_entries": [{"voip_carrier_sid": SID}]},
]

EXAMPLES: dict[str, Any] = {
    "login": {"username": "joe", "password": "correct horse 1"},
    "signin": {"email": "joe@example.com", "password": "correct horse 1"},
    "forgotPassword": {"email": "joe@example.com"},
    "changePassword": {"old_password": "correct horse 1", "new_password": "battery staple 2"},
    "createUser": {
        "name": "ann", "email": "ann@example.com", "initial_password": "correct horse 1", "force_change": 1,
        "is_active": 1, "is_view_only": False,
    },
    "updateUser": {"is_active": 1, "force_change": 0},
    "createServiceProvider": {"name": "reseller", "root_domain": "sip.reseller.example", "registration_hook": _HOOK},
    "updateServiceProvider": {"description": "sells telephony"},
    "createAccount": {"name": "acme", "service_provider_sid": SID, "sip_realm": "acme.sip.example.com"},
    "updateAccount": {"record_all_calls": 0, "queue_event_hook": _HOOK},
    "createApiKey": {"account_sid": SID},
    "setAccountLimit": {"category": "voice_call_session", "quantity": 20},
    "setServiceProviderLimit": {"category": "voice_call_session", "quantity": 1000},
    "createApplication": {
        "name": "menu", "account_sid": SID, "call_hook": _HOOK,
        "call_status_hook": {"url": "https://app.example.com/status"},
    },
    "updateApplication": {"speech_synthesis_voice": "en-US-Wavenet-A"},
    "createAccountApplication": {"name": "hold", "app_json": '[{"verb": "pause", "length": 5}]'},
    "updateAccountApplication": {"record_all_calls": 1},
    "createAccountApiKey": {},
    "createVoipCarrier": _CARRIER,
    "createAccountVoipCarrier": _CARRIER,
    "createServiceProviderVoipCarrier": _CARRIER,
    "updateVoipCarrier": _CHANGED_CARRIER,
    "updateAccountVoipCarrier": _CHANGED_CARRIER,
    "updateServiceProviderVoipCarrier": _CHANGED_CARRIER,
    "createSipGateway": {"voip_carrier_sid": SID, "ipv4": "192.0.2.1", "port": 5060, "inbound": 1, "outbound": 1},
    "updateSipGateway": {"netmask": 24, "outbound": False},
    "createPhoneNumber": {"number": "16173333456", "voip_carrier_sid": SID, "account_sid": SID, "application_sid": SID},
    "updatePhoneNumber": {"application_sid": SID},
    "createClient": {"account_sid": SID, "username": "desk-7", "password": "sdf12412"},
    "updateClient": {"is_active": 0},
    "findRegisteredUsers": ["joe", "ann"],
    "createLcr": {"name": "cheapest first"},
    "updateLcr": {"is_active": 1},
    "createLcrRoutes": _ROUTES,
    "updateLcrRoutes": _ROUTES,
    "createLcrRoute": {"lcr_sid": SID, "regex": "44", "priority": 2, "description": "to the UK"},
    "updateLcrRoute": {"priority": 3},
    "createLcrEntry": {"lcr_route_sid": SID, "voip_carrier_sid": SID, "workload": 1, "priority": 1},
    "updateLcrEntry": {"workload": 2},
    "createSpeechCredential": _CREDENTIAL,
    "createServiceProviderSpeechCredential": _CREDENTIAL | {"label": "shared"},
    "updateSpeechCredential": _CHANGED_CREDENTIAL,
    "updateServiceProviderSpeechCredential": _CHANGED_CREDENTIAL,
    "createCall": _CALL,
    "updateCall": {"mute_status": "mute"},
    "updateCallByPost": {"call_hook": "https://app.example.com/next"},
    "testBucketCredential": {
        "vendor": "aws_s3", "name": "recordings", "region": "eu-central-1", "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": "a secret of ours",
    },
    "synthesize": {"speech_credential_sid": SID, "text": "Good morning.", "language": "en-US", "voice": "rms"},
    "createWebhook": {"url": "https://app.example.com/hook", "method": "POST", "username": "joe", "password": "secret"},
    "createSbc": {"ipv4": "192.0.2.10", "port": 5060, "tls_port": 5061, "wss_port": 8443},
    "setPasswordSettings": {"min_password_length": 10, "require_digit": 1},
    "setSystemInformation": {"domain_name": "example.com", "sip_domain_name": "sip.example.com", "log_level": "info"},
}  # fmt: skip
"""By operation id."""
