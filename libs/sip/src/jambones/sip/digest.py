"""Digest authentication, both sides: RFC 3261 section 22, RFC 7616, RFC 8760.

Pure: the caller gives the time (wall-clock seconds, so that nonces issued by a sister process hold here too).
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass, field, replace
from enum import Enum

from jambones.sip.nonce import NonceIssuer, NonceState

# Strongest last; "-sess" variants are as strong as their base.
_HASHES: dict[str, Callable[[bytes], str]] = {
    "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
    "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    "SHA-512-256": lambda data: hashlib.new("sha512_256", data).hexdigest(),
}
_STRENGTH = {name: rank for rank, name in enumerate(_HASHES)}

_SCHEME = re.compile(r"\s*([A-Za-z]+)\s+")
_PARAMETER = re.compile(
    r'[\s,]*([A-Za-z0-9_.!%*+`\'~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))\s*(?=,|$)', re.DOTALL
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NONCE_COUNT = re.compile(r"[0-9A-Fa-f]{1,8}")
_USER_AND_HOST = re.compile(r"(?:sips?:|tel:)?((?:[^@;?]*(?:;[^@?]*)?@)?(?:\[[^\]]*\]|[^:;?>]*))", re.IGNORECASE)
_LONGEST_HEADER = 8192
_ERRORS = "surrogateescape"  # bytes that are not UTF-8 came in this way and go back the same


class DigestError(ValueError):
    """A header that is not a digest challenge or credentials, or a challenge we cannot answer."""


def _parameters(header: str) -> dict[str, str]:
    """Parameters of `Digest a=b, c="d"`, names in lower case; the first of equal names counts."""
    if len(header) > _LONGEST_HEADER:
        raise DigestError("too long")
    scheme = _SCHEME.match(header)
    if scheme is None or scheme[1].lower() != "digest":
        raise DigestError("not the Digest scheme")
    found: dict[str, str] = {}
    position = scheme.end()
    while match := _PARAMETER.match(header, position):
        name, quoted, token = match.groups()
        found.setdefault(name.lower(), _ESCAPED.sub(r"\1", quoted) if quoted is not None else token)
        position = match.end()
    if header[position:].strip(" \t\r\n,"):
        raise DigestError("malformed parameter")
    return found


def _quote(value: str) -> str:
    if any(ord(c) < 0x20 or ord(c) == 0x7F for c in value):
        raise DigestError("control character in a digest parameter")
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _base_of(algorithm: str) -> tuple[str, bool]:
    """(name of the hash, whether the session variant is meant); raises `DigestError` for one we do not know."""
    name = algorithm.upper()
    session = name.endswith("-SESS")
    name = name.removesuffix("-SESS")
    if name not in _HASHES:
        raise DigestError(f"unknown algorithm {algorithm[:32]!r}")
    return name, session


def ha1_of(username: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """H(username:realm:password), the only thing a server needs to keep (hexadecimal)."""
    name, _ = _base_of(algorithm)
    return _HASHES[name](f"{username}:{realm}:{password}".encode(errors=_ERRORS))


@dataclass(frozen=True)
class Challenge:
    """A `WWW-Authenticate` or `Proxy-Authenticate` value."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ("auth",)  # empty: RFC 2069 style, no cnonce and no nonce count
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, header: str) -> "Challenge":
        """Raises `DigestError`."""
        got = _parameters(header)
        if "realm" not in got or "nonce" not in got:
            raise DigestError("challenge without realm or nonce")
        return cls(
            realm=got["realm"],
            nonce=got["nonce"],
            algorithm=got.get("algorithm") or "MD5",
            qop=tuple(word.strip().lower() for word in got.get("qop", "").split(",") if word.strip()),
            opaque=got.get("opaque"),
            stale=got.get("stale", "").lower() == "true",
        )

    def __str__(self) -> str:
        parts = [f"realm={_quote(self.realm)}", f"nonce={_quote(self.nonce)}"]
        if self.opaque is not None:
            parts.append(f"opaque={_quote(self.opaque)}")
        if self.stale:
            parts.append("stale=true")
        parts.append(f"algorithm={self.algorithm}")
        if self.qop:
            parts.append(f"qop={_quote(','.join(self.qop))}")
        return "Digest " + ", ".join(parts)

    def with_next_nonce(self, authentication_info: str) -> "Challenge":
        """This challenge with the `nextnonce` of an `Authentication-Info` value (RFC 7616 section 3.5), if any."""
        try:
            nonce = _parameters(f"Digest {authentication_info}").get("nextnonce")
        except DigestError:
            return self
        return replace(self, nonce=nonce, stale=False) if nonce else self

    @property
    def quality(self) -> str | None:
        """The protection we would use: auth, auth-int only when nothing else is offered, None without qop."""
        if "auth" in self.qop or not self.qop:
            return "auth" if self.qop else None
        if "auth-int" in self.qop:
            return "auth-int"
        raise DigestError("no quality of protection we know")


@dataclass(frozen=True)
class Credentials:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Authorization:
    """An `Authorization` or `Proxy-Authorization` value."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str | None = None
    cnonce: str | None = None
    nc: str | None = None  # as sent, since the digest is over its text; `count` is the number
    opaque: str | None = None

    @property
    def count(self) -> int | None:
        return None if self.nc is None else int(self.nc, 16)

    @classmethod
    def parse(cls, header: str) -> "Authorization":
        """Raises `DigestError`, also where username or response is missing."""
        got = _parameters(header)
        for name in ("username", "nonce", "uri", "response"):
            if not got.get(name):
                raise DigestError(f"credentials without {name}")
        qop = got.get("qop", "").lower() or None
        nc = got.get("nc")
        if nc is not None and not _NONCE_COUNT.fullmatch(nc):
            raise DigestError("nonce count is not hexadecimal")
        if qop is not None and (nc is None or not got.get("cnonce")):
            raise DigestError("qop without nonce count or cnonce")
        return cls(
            username=got["username"],
            realm=got.get("realm", ""),
            nonce=got["nonce"],
            uri=got["uri"],
            response=got["response"].lower(),
            algorithm=got.get("algorithm") or "MD5",
            qop=qop,
            cnonce=got.get("cnonce"),
            nc=nc,
            opaque=got.get("opaque"),
        )

    def __str__(self) -> str:
        parts = [
            f"username={_quote(self.username)}",
            f"realm={_quote(self.realm)}",
            f"nonce={_quote(self.nonce)}",
            f"uri={_quote(self.uri)}",
            f"response={_quote(self.response)}",
            f"algorithm={self.algorithm}",
        ]
        if self.cnonce is not None:
            parts.append(f"cnonce={_quote(self.cnonce)}")
        if self.opaque is not None:
            parts.append(f"opaque={_quote(self.opaque)}")
        if self.qop is not None:
            parts += [f"qop={self.qop}", f"nc={self.nc}"]
        return "Digest " + ", ".join(parts)

    def expected_response(self, method: str, ha1: str, body: bytes = b"") -> str:
        """The response these credentials should carry (RFC 7616 section 3.4.1); `ha1` is before any -sess step."""
        name, session = _base_of(self.algorithm)
        digest = _HASHES[name]
        if session:
            ha1 = digest(f"{ha1}:{self.nonce}:{self.cnonce or ''}".encode(errors=_ERRORS))
        a2 = f"{method}:{self.uri}"
        if self.qop == "auth-int":
            a2 += f":{digest(body)}"
        ha2 = digest(a2.encode(errors=_ERRORS))
        if self.qop is None:
            return digest(f"{ha1}:{self.nonce}:{ha2}".encode(errors=_ERRORS))
        return digest(f"{ha1}:{self.nonce}:{self.nc}:{self.cnonce or ''}:{self.qop}:{ha2}".encode(errors=_ERRORS))


def strongest(challenges: Iterable[str]) -> Challenge:
    """The strongest challenge we can answer, the first of equals; raises `DigestError` if there is none."""
    best: tuple[int, Challenge] | None = None
    for text in challenges:
        try:
            challenge = Challenge.parse(text)
            _ = challenge.quality
            rank = _STRENGTH[_base_of(challenge.algorithm)[0]]
        except DigestError:
            continue  # RFC 7616 section 3.7: skip what is not understood
        if best is None or rank > best[0]:
            best = rank, challenge
    if best is None:
        raise DigestError("no challenge that we can answer")
    return best[1]


def authorize(
    challenges: Iterable[str],
    method: str,
    uri: str,
    credentials: Credentials,
    body: bytes = b"",
    nonce_counts: MutableMapping[str, int] | None = None,
    *,
    cnonce: str | None = None,
) -> str:
    """Value for `Authorization` (after 401) or `Proxy-Authorization` (after 407).

    `nonce_counts` remembers uses per nonce and is advanced here; without it each answer is the first use.
    Raises `DigestError` when no challenge can be answered.
    """
    challenge = strongest(challenges)
    qop = challenge.quality
    _, session = _base_of(challenge.algorithm)
    count: int | None = None
    if qop is not None:
        count = 1
        if nonce_counts is not None:
            count = nonce_counts[challenge.nonce] = nonce_counts.get(challenge.nonce, 0) + 1
    unsigned = Authorization(
        username=credentials.username,
        realm=challenge.realm,
        nonce=challenge.nonce,
        uri=uri,
        response="",
        algorithm=challenge.algorithm,
        qop=qop,
        cnonce=(cnonce or secrets.token_hex(16)) if qop or session else None,
        nc=None if count is None else f"{count:08x}",
        opaque=challenge.opaque,
    )
    ha1 = ha1_of(credentials.username, challenge.realm, credentials.password, challenge.algorithm)
    return str(replace(unsigned, response=unsigned.expected_response(method, ha1, body)))


def issue_challenges(
    issuer: NonceIssuer,
    now: float,
    realm: str,
    *,
    source: str = "",
    algorithms: tuple[str, ...] = ("MD5",),
    stale: bool = False,
) -> list[Challenge]:
    """One challenge per algorithm, in the order given (RFC 8760 section 2.3: the preferred one first)."""
    return [
        Challenge(realm=realm, nonce=issuer.issue(now, realm, source), algorithm=algorithm, stale=stale)
        for algorithm in algorithms
    ]


class Outcome(Enum):
    OK = "ok"
    NO_CREDENTIALS = "no credentials"
    WRONG_REALM = "credentials for another realm"
    WRONG_ALGORITHM = "algorithm that was not offered"
    FOREIGN_NONCE = "nonce is not ours"
    STALE_NONCE = "nonce has expired"
    REPLAYED = "nonce count was used before"
    WRONG_RESPONSE = "unknown user or wrong password"


@dataclass(frozen=True)
class Verdict:
    """Why credentials were accepted or not; the caller answers 401 when `challenge` says so, else 403."""

    outcome: Outcome
    authorization: Authorization | None = None
    uri_matches: bool = True  # RFC 7616 section 3.4.6; informative, since proxies rewrite Request-URIs

    @property
    def ok(self) -> bool:
        return self.outcome is Outcome.OK

    @property
    def stale(self) -> bool:
        """The peer should repeat with a new nonce, without asking its user again."""
        return self.outcome in {Outcome.STALE_NONCE, Outcome.REPLAYED}

    @property
    def challenge(self) -> bool:
        """Whether another challenge may help (401), as opposed to 403."""
        return self.stale or self.outcome in {
            Outcome.NO_CREDENTIALS,
            Outcome.FOREIGN_NONCE,
            Outcome.WRONG_ALGORITHM,
        }


def verify(
    authorization: str | Authorization | None,
    method: str,
    *,
    issuer: NonceIssuer,
    now: float,
    realm: str,
    password: str | None = None,
    ha1: str | None = None,
    body: bytes = b"",
    source: str = "",
    request_uri: str | None = None,
    algorithms: tuple[str, ...] = ("MD5", "SHA-256"),
) -> Verdict:
    """Judge credentials against a password or its HA1 (of the algorithm the peer used).

    Give neither for a user that does not exist: the same work is done against a dummy secret, so that neither the
    answer nor its time tells which users exist. Never raises.
    """
    try:
        auth = Authorization.parse(authorization) if isinstance(authorization, str) else authorization
    except DigestError:
        auth = None
    if auth is None:
        return Verdict(Outcome.NO_CREDENTIALS)
    matches = request_uri is None or _same_target(auth.uri, request_uri)
    if auth.realm.lower() != realm.lower():
        return Verdict(Outcome.WRONG_REALM, auth, matches)
    try:
        known = _base_of(auth.algorithm)[0] in {_base_of(name)[0] for name in algorithms}
    except DigestError:
        known = False
    if not known or auth.qop not in {None, "auth", "auth-int"}:
        return Verdict(Outcome.WRONG_ALGORITHM, auth, matches)
    match issuer.check(auth.nonce, now, realm, source):
        case NonceState.FOREIGN:
            return Verdict(Outcome.FOREIGN_NONCE, auth, matches)
        case NonceState.EXPIRED:
            return Verdict(Outcome.STALE_NONCE, auth, matches)
        case NonceState.FRESH:
            pass
    exists = password is not None or ha1 is not None
    dummy = ha1_of(auth.username, auth.realm, "no such user" if password is None else password, auth.algorithm)
    expected = auth.expected_response(method, ha1.lower() if ha1 is not None else dummy, body)
    right = hmac.compare_digest(expected.encode(), auth.response.encode(errors=_ERRORS))
    if not right or not exists:
        return Verdict(Outcome.WRONG_RESPONSE, auth, matches)
    if not issuer.spend(auth.nonce, auth.count):
        return Verdict(Outcome.REPLAYED, auth, matches)
    return Verdict(Outcome.OK, auth, matches)


def _same_target(first: str, second: str) -> bool:
    """Whether two URIs name the same user and host; ports and parameters are not looked at."""
    one, two = _USER_AND_HOST.match(first.strip("<> ")), _USER_AND_HOST.match(second.strip("<> "))
    return one is not None and two is not None and one[1].lower() == two[1].lower()
