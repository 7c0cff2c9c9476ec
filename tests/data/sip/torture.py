"""Messages for the cases that RFC 4475 describes, written anew from its descriptions.

Longer than 400 lines: it is a table of whole messages in the order of the RFC.

`verdict` is what the parser makes of a datagram, `status` what a user agent server without an application answers where
the RFC leaves no choice (None: nothing, or it depends on the role). Where the RFC allows a liberal reading, `verdict`
says which way we go and `why` gives the reason.
"""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["accepted", "refused", "dropped"]


@dataclass(frozen=True)
class Case:
    section: str
    title: str
    message: bytes
    verdict: Verdict
    status: int | None = None
    why: str = ""

    @property
    def name(self) -> str:
        return f"{self.section} {self.title}"


def wire(text: str) -> bytes:
    """The text with CRLF line ends; its first line break is layout."""
    return text.removeprefix("\n").replace("\n", "\r\n").encode()


SDP = """v=0
o=jane 29739 7272939 IN IP4 192.0.2.3
s=-
c=IN IP4 192.0.2.4
t=0 0
m=audio 49217 RTP/AVP 0 12
m=video 3227 RTP/AVP 31
a=rtpmap:31 LPC
"""


def request(
    start: str = "OPTIONS sip:user@example.com SIP/2.0",
    *,
    to: str = "sip:user@example.com",
    from_: str = "sip:caller@example.net;tag=242etr",
    cseq: str = "8 OPTIONS",
    via: str = "SIP/2.0/UDP host1.example.com;branch=z9hG4bKkdjuw",
    call_id: str = "torture.0ha0isndaksdj@192.0.2.1",
    max_forwards: str = "70",
    extra: str = "",
    length: str | None = None,
    body: str = "",
) -> bytes:
    """A plain request with one thing changed."""
    content = wire(body)
    lines = [
        start,
        f"To: {to}",
        f"From: {from_}",
        f"Max-Forwards: {max_forwards}",
        f"CSeq: {cseq}",
        f"Call-ID: {call_id}",
        f"Via: {via}",
    ]
    lines += [line for line in extra.strip("\n").split("\n") if line]
    lines.append(f"Content-Length: {len(content) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode() + content


def invite(*, target: str = "sip:user@example.com", extra: str = "", **changes: str) -> bytes:
    return request(
        f"INVITE {target} SIP/2.0",
        cseq="8 INVITE",
        extra=f"Contact: <sip:caller@host5.example.net>\n{extra}",
        **changes,  # type: ignore[arg-type]
    )


def register(extra: str, **changes: str) -> bytes:
    return request("REGISTER sip:example.com SIP/2.0", cseq="79 REGISTER", extra=extra, **changes)  # type: ignore[arg-type]


TORTUOUS = wire("""
INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0
TO :
 sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n
from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>
  ;
  tag = 98asjd8
MaX-fOrWaRdS: 0068
Call-ID: wsinv.ndaksdj@192.0.2.1
Content-Length   : LENGTH
cseq: 0009
  INVITE
Via  : SIP  /   2.0
 /UDP
    192.0.2.2;branch=390skdjuw
s :
NewFangledHeader:   newfangled value
 continued newfangled value
UnknownHeaderWithUnusualValue: ;;,,;;,;
Content-Type: application/sdp
Route:
 <sip:services.example.com;lr;unknownwith=value;unknown-no-value>
v:  SIP  / 2.0  / TCP     spindle.example.com   ;
  branch  =   z9hG4bK9ikj8  ,
 SIP  /    2.0   / UDP  192.168.255.111   ; branch=
 z9hG4bK30239
m:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =
      newvalue ;
  secondparam ; q = 0.33

""").replace(b"LENGTH", str(len(wire(SDP))).encode()) + wire(SDP)

UNUSUAL_METHOD = "!tricky-Method0123456789_*+`.%really'~"
MIXED_BODY = (
    b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    b"--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    + bytes(range(256))
    + b"\r\n--7a9cbec02ceef655--\r\n"
)
OVERLARGE = "36893488147419103232"

VALID = [
    Case("3.1.1.1", "a short tortuous INVITE", TORTUOUS, "accepted"),
    Case(
        "3.1.1.2",
        "a wide range of valid characters",
        request(
            f"{UNUSUAL_METHOD} sip:1_odd.URI~(be!sure)&isn't+it$/mad?,/;;*:&it+has=1,strange!*pas$wo~d.(isn't-it)"
            "@example.com SIP/2.0",
            to='"BEL:\\\x07 DEL:\\\x7f" <sip:1_odd.URI~(be!sure)&isn\'t+it$/mad?,/;;*@example.com>',
            from_="token1~` token2'+_ token3*%!.- <sip:mundane@example.com>;fromParam''~+*_!.-%=\"работающий\";"
            "tag=_token~1'+`*%!-.",
            cseq=f"139122385 {UNUSUAL_METHOD}",
            call_id="intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
            max_forwards="255",
            extra="extensionHeader-!.%*+_`'~: \ufeff大停電",
        ),
        "accepted",
        501,
    ),
    Case(
        "3.1.1.2",
        "NUL as a quoted pair",
        request(to='"NUL:\\\x00" <sip:user@example.com>'),
        "dropped",
        why="the grammar allows it, but a NUL in a header value is worth more to attackers than to callers",
    ),
    Case(
        "3.1.1.3",
        "valid use of the % escaping mechanism",
        invite(
            target="sip:sips%3Auser%40example.com@example.net",
            to="sip:%75se%72@example.com",
            from_="<sip:I%20have%20spaces@example.net>;tag=938",
            extra='Contact: "caller%20two" <sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>',
        ),
        "accepted",
    ),
    Case(
        "3.1.1.4",
        "escaped nulls in URIs",
        register(
            "Contact: <sip:%00@host5.example.com>\nContact: <sip:%00%00@host5.example.com>",
            to="sip:null-%00-null@example.com",
            from_="sip:null-%00-null@example.com;tag=839923423",
        ),
        "accepted",
    ),
    Case(
        "3.1.1.5",
        "use of % when it is not an escape",
        request(
            "RE%47IST%45R sip:registrar.example.com SIP/2.0",
            cseq="29344 RE%47IST%45R",
            to='"%Z%45" <sip:resource@example.com>',
            extra="Contact: <sip:alias1@host1.example.com>\nContact: <sip:alias3@host3.example.com>",
        ),
        "accepted",
        501,
        why="the method is not REGISTER: a method has no escapes",
    ),
    Case(
        "3.1.1.6",
        "no white space between display name and <",
        request(from_="caller<sip:caller@example.com>;tag=323"),
        "accepted",
        200,
    ),
    Case(
        "3.1.1.7",
        "long values in header fields",
        invite(
            to=f'"I have a user name of {"extreme" * 10} proportion"<sip:user@example.com:6000;unknownparam1='
            f"{'verylong' * 20}value;longparam{'name' * 25}=shortvalue;{'verylong' * 25}ParameterNameWithNoValue>",
            from_=f"sip:{'amazinglylongcallername' * 5}@example.net;tag=12{'982' * 50}424;"
            f"unknownheaderparam{'name' * 20}=unknownheaderparam{'value' * 15};unknownValuelessparam{'name' * 10}",
            call_id=f"longreq.one{'really' * 20}longcallid",
            extra=f"{'Unknown-' + 'Long' * 20}-Name: unknown-{'long' * 20}-value; "
            f"unknown-{'long' * 20}-parameter-name ="
            f"unknown-{'long' * 20}-parameter-value\nVia: SIP/2.0/TCP sip33.example.com\n"
            + "\n".join(f"v: SIP/2.0/TCP sip{n}.example.com" for n in range(32, 0, -1)),
            via="SIP/2.0/TCP sip33.example.com;branch=z9hG4bKlongreq",
        ),
        "accepted",
    ),
    Case(
        "3.1.1.8",
        "extra trailing octets in a datagram",
        register("Contact: <sip:j.user@host.example.com>") + invite(),
        "accepted",
        why="what follows the body is left away",
    ),
    Case(
        "3.1.1.9",
        "semicolon-separated parameters in the user part",
        request("OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"),
        "accepted",
        200,
    ),
    Case(
        "3.1.1.10",
        "varied and unknown transport types",
        request(
            extra="\n".join(
                f"Via: SIP/2.0/{transport} t{n}.example.com;branch=z9hG4bKtrans{n}"
                for n, transport in enumerate(("SCTP", "TLS", "UNKNOWN", "TCP"))
            )
        ),
        "accepted",
        200,
    ),
    Case(
        "3.1.1.11",
        "a multipart MIME message",
        request(
            "MESSAGE sip:kumiko@example.org SIP/2.0",
            cseq="127 MESSAGE",
            extra="Content-Type: multipart/mixed;boundary=7a9cbec02ceef655",
            length=str(len(MIXED_BODY)),
        )
        + MIXED_BODY,
        "accepted",
    ),
    Case(
        "3.1.1.12",
        "an unusual reason phrase",
        request("SIP/2.0 200 = 2**3 * 5**2 но сто девяносто девять - простое"),
        "accepted",
    ),
    Case("3.1.1.13", "an empty reason phrase", request("SIP/2.0 100 "), "accepted"),
]

INVALID = [
    Case(
        "3.1.2.1",
        "extraneous header field separators",
        invite(
            extra='Contact: "Joe" <sip:joe@example.org>;;;;',
            via="SIP/2.0/UDP 192.0.2.15;;,;,,",
        ),
        "refused",
        400,
    ),
    Case("3.1.2.2", "Content-Length larger than the message", invite(length="9999", body=SDP), "refused", 400),
    Case("3.1.2.3", "negative Content-Length", invite(length="-999", body=SDP), "refused", 400),
    Case(
        "3.1.2.4",
        "overlarge CSeq of a request",
        register("Contact: <sip:user@host.example.com>").replace(b"79 REG", f"{OVERLARGE} REG".encode()),
        "refused",
        400,
    ),
    Case(
        "3.1.2.4",
        "overlarge Expires and expires",
        register(f"Contact: <sip:user@host.example.com>;expires=280297596632815\nExpires: {OVERLARGE}"),
        "accepted",
        why="a registrar shortens every expiry to its own longest",
    ),
    Case("3.1.2.4", "overlarge Max-Forwards", request(max_forwards="30" * 10), "refused", 400),
    Case(
        "3.1.2.5",
        "overlarge CSeq of a response",
        request(
            "SIP/2.0 503 Service Unavailable",
            cseq=f"9292394834772304023312 {'OPTIONS'}",
            extra=f'Warning: 1812 overture "In Progress"\nRetry-After: {OVERLARGE}',
        ),
        "dropped",
    ),
    Case(
        "3.1.2.6",
        "unterminated quoted string in a display name",
        invite(to='"Mr. J. User <sip:j.user@example.com>'),
        "refused",
        400,
    ),
    Case("3.1.2.7", "<> around the Request-URI", invite(target="<sip:user@example.com>"), "refused", 400),
    Case("3.1.2.8", "white space in the Request-URI", invite(target="sip:user@example.com; lr"), "refused", 400),
    Case(
        "3.1.2.9",
        "several spaces in the request line",
        invite(target=" sip:user@example.com "),
        "refused",
        400,
    ),
    Case(
        "3.1.2.10",
        "spaces at the end of the request line",
        request("OPTIONS sip:remote-target@example.com SIP/2.0  "),
        "refused",
        400,
    ),
    Case(
        "3.1.2.11",
        "escaped headers in the Request-URI",
        invite(target="sip:user@example.com?Route=%3Csip:example.com%3E"),
        "accepted",
        why="read liberally: the headers are there to be ignored",
    ),
    Case(
        "3.1.2.12",
        "invalid time zone in Date",
        invite(extra="Date: Fri, 01 Jan 2010 16:00:00 EST"),
        "accepted",
        why="read liberally: nobody here believes a Date",
    ),
    Case(
        "3.1.2.13",
        "name-addr URI without <>",
        register("Contact: sip:user@example.com?Route=%3Csip:sip.example.com%3E"),
        "accepted",
        why="the parser leaves Contact to the registrar, which refuses what it cannot read",
    ),
    Case(
        "3.1.2.14",
        "spaces within addr-spec",
        request(to='"Watson, Thomas" < sip:t.watson@example.org >'),
        "refused",
        400,
    ),
    Case(
        "3.1.2.15",
        "non-token characters in a display name",
        request(from_="Bell, Alexander <sip:a.g.bell@example.com>;tag=43"),
        "accepted",
        why="read liberally: From holds one address, so the comma can only belong to the name",
    ),
    Case("3.1.2.16", "unknown protocol version", request("OPTIONS sip:t.watson@example.org SIP/7.0"), "refused", 505),
    Case("3.1.2.17", "start line and CSeq name different methods", request(cseq="8 INVITE"), "refused", 400),
    Case(
        "3.1.2.18",
        "unknown method and another one in CSeq",
        request("NEWMETHOD sip:user@example.com SIP/2.0", cseq="8 INVITE"),
        "refused",
        400,
    ),
    Case("3.1.2.19", "overlarge response code", request("SIP/2.0 4294967301 better not break the receiver"), "dropped"),
]

TRANSACTION = [
    Case(
        "3.2.1",
        "missing transaction identifier",
        request(via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"),
        "accepted",
        200,
        why="matched as RFC 2543 did, since the branch identifies nothing",
    ),
]

APPLICATION = [
    Case(
        "3.3.1",
        "missing required header fields",
        wire("""
INVITE sip:user@example.com SIP/2.0
CSeq: 193942 INVITE
Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf
Content-Type: application/sdp
Content-Length: 0

"""),
        "dropped",
        why="an answer needs From, To and Call-ID",
    ),
    Case(
        "3.3.2",
        "Request-URI with unknown scheme",
        request("OPTIONS noOneKnowsThis:totally#opaque SIP/2.0"),
        "accepted",
        416,
    ),
    Case(
        "3.3.3",
        "Request-URI with known but atypical scheme",
        request("OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"),
        "accepted",
        416,
    ),
    Case(
        "3.3.4",
        "unknown URI schemes in header fields",
        register(
            "Contact: <name:John_Smith>",
            to="isbn:2983792873",
            from_="<http://www.example.com>;tag=3234233",
        ),
        "accepted",
    ),
    Case(
        "3.3.5",
        "Proxy-Require and Require",
        request(
            extra="Require: nothingSupportsThis, nothingSupportsThisEither\n"
            "Proxy-Require: noProxiesSupportThis, norDoAnyProxiesSupportThis"
        ),
        "accepted",
        420,
    ),
    Case(
        "3.3.6",
        "unknown Content-Type",
        invite(extra="Content-Type: application/unknownformat", body='<audio>\n <pcmu port="443"/>\n</audio>\n'),
        "accepted",
    ),
    Case(
        "3.3.7",
        "unknown authorization scheme",
        register("Contact: <sip:user@host.example.com>\nAuthorization: NoOneKnowsThisScheme opaque-data=here"),
        "accepted",
    ),
    Case(
        "3.3.8",
        "multiple values in single value fields",
        invite(
            extra="CSeq: 59 INVITE\nCall-ID: multi01.98asdh@192.0.2.2\nMax-Forwards: 5\n"
            "From: sip:other@example.net;tag=3413415\nTo: sip:other@example.com"
        ),
        "refused",
        400,
    ),
    Case(
        "3.3.9",
        "multiple Content-Length values",
        request(extra="Content-Length: 13", body="There's no way to know\n"),
        "refused",
        400,
    ),
    Case(
        "3.3.10",
        "200 response with a broadcast Via",
        request("SIP/2.0 200 OK", via="SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23"),
        "accepted",
        why="it matches no transaction of ours and goes no further",
    ),
    Case("3.3.11", "Max-Forwards of zero", request(max_forwards="0"), "accepted"),
    Case(
        "3.3.12",
        "REGISTER with a Contact header parameter",
        register("Contact: sip:+19725552222@gw1.example.net;unknownparam"),
        "accepted",
    ),
    Case(
        "3.3.13",
        "REGISTER with a URI parameter",
        register("Contact: <sip:+19725552222@gw1.example.net;unknownparam>"),
        "accepted",
    ),
    Case(
        "3.3.14",
        "REGISTER with a URI escaped header",
        register("Contact: <sip:user@example.com?Route=%3Csip:sip.example.com%3E>"),
        "accepted",
    ),
    Case(
        "3.3.15",
        "unacceptable Accept offering",
        invite(extra="Accept: text/nobodyKnowsThis\nContent-Type: application/sdp", body=SDP),
        "accepted",
    ),
]

BACKWARD = [
    Case(
        "3.4.1",
        "INVITE with RFC 2543 syntax",
        wire("""
INVITE sip:UserB@example.com SIP/2.0
Via: SIP/2.0/UDP iftgw.example.com
From: <sip:+13035551111@ift.client.example.net;user=phone>
Record-Route: <sip:UserB@example.com;maddr=ss1.example.com>
To: sip:+16505552222@ss1.example.net;user=phone
Call-ID: inv2543.1717@ift.client.example.com
CSeq: 56 INVITE
Content-Type: application/sdp

""")
        + wire(SDP),
        "accepted",
    ),
]

CASES = [*VALID, *INVALID, *TRANSACTION, *APPLICATION, *BACKWARD]
