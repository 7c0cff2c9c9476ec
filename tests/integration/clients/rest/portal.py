"""A browser with the reference's administration application: how it asks, and what its forms send."""

import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

PASSWORD = "correct horse 1"
NO_HOOK = {"url": "", "method": "POST", "username": "", "password": ""}
HOOK = {"url": "https://example.com/hook", "method": "POST", "username": "", "password": ""}
GATEWAY = {
    "voip_carrier_sid": "", "ipv4": "192.0.2.7", "port": 5060, "netmask": 32, "is_active": True, "inbound": 1,
    "outbound": 0, "send_options_ping": 0, "pad_crypto": 0, "use_sips_scheme": 0, "protocol": "udp", "remove_ice": 0,
    "dtls_off": 0,
}  # fmt: skip
CARRIER = {
    "name": "trunk", "e164_leading_plus": False, "application_sid": None, "requires_register": False,
    "register_username": None, "register_password": None, "register_sip_realm": None, "register_from_user": None,
    "register_from_domain": None, "register_public_ip_in_contact": False, "tech_prefix": None, "diversion": None,
    "is_active": True, "smpp_system_id": None, "smpp_password": None, "smpp_inbound_system_id": None,
    "smpp_inbound_password": None, "dtmf_type": "rfc2833", "outbound_sip_proxy": None, "trunk_type": "static_ip",
    "inbound_auth_username": None, "inbound_auth_password": None,
}  # fmt: skip
APPLICATION = {
    "name": "menu", "app_json": None, "call_hook": HOOK, "call_status_hook": HOOK, "messaging_hook": NO_HOOK,
    "speech_synthesis_vendor": None, "speech_synthesis_language": None, "speech_synthesis_voice": None,
    "speech_synthesis_label": None, "speech_recognizer_vendor": None, "speech_recognizer_language": None,
    "speech_recognizer_label": None, "record_all_calls": 0, "use_for_fallback_speech": 0,
    "fallback_speech_synthesis_vendor": None, "fallback_speech_synthesis_language": None,
    "fallback_speech_synthesis_voice": None, "fallback_speech_synthesis_label": None,
    "fallback_speech_recognizer_vendor": None, "fallback_speech_recognizer_language": None,
    "fallback_speech_recognizer_label": None, "env_vars": None,
}  # fmt: skip
SPEECH = {
    "vendor": "deepgram", "account_sid": None, "use_for_tts": 1, "use_for_stt": 1, "label": "main",
    "service_key": None, "access_key_id": None, "secret_access_key": None, "aws_region": None, "region": None,
    "api_key": "0123456789abcdef", "client_id": None, "secret": None, "deepgram_stt_uri": None,
    "deepgram_tts_uri": None, "deepgram_stt_use_tls": 0, "use_custom_tts": 0, "use_custom_stt": 0, "model_id": None,
}  # fmt: skip
BUCKET = {
    "vendor": "aws_s3", "region": "us-east-1", "name": "recordings", "access_key_id": "AKIA", "tags": [],
    "secret_access_key": "0123456789",
}  # fmt: skip


@dataclass
class Portal:
    """A browser with somebody logged in."""

    url: str
    session: aiohttp.ClientSession
    token: str = ""
    scope: str = ""
    account_sid: str = ""
    provider_sid: str = ""

    async def ask(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        """The JSON of a 200 or 201, None for a 204; it is what the operation usually answers, or `status`."""
        headers = {"Content-Type": "application/json"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        async with self.session.request(
            method, URL(self.url + path, encoded=True), headers=headers, data=json.dumps(body) if body else None
        ) as response:
            text = await response.text()
            wanted = {"GET": 200, "POST": 201, "PUT": 204, "DELETE": 204}[method] if status is None else status
            assert response.status == wanted, (method, path, response.status, text)
            if response.status == 204:
                assert text == ""
                return None
            assert response.content_type == "application/json"
            return json.loads(text)

    async def get(self, path: str, status: int = 200) -> Any:
        return await self.ask("GET", path, status=status)

    async def logs_in(self, name: str) -> None:
        found = await self.ask("POST", "/login", {"username": name, "password": PASSWORD}, 200)
        self.token, self.scope = found["token"], found["scope"]
        payload = self.token.split(".")[1]
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        assert claims["scope"] == found["scope"]
        assert {"user_sid", "permissions", "name"} <= set(claims)
        self.account_sid = claims.get("account_sid") or ""

    @property
    def carriers(self) -> str:
        """Where this user's carriers are made and changed."""
        if self.scope == "account":
            return f"/Accounts/{self.account_sid}/VoipCarriers"
        return f"/ServiceProviders/{self.provider_sid}/VoipCarriers"

    @property
    def speech(self) -> str:
        if self.scope == "account":
            return f"/Accounts/{self.account_sid}/SpeechCredentials"
        return f"/ServiceProviders/{self.provider_sid}/SpeechCredentials"
