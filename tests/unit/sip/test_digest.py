"""Digest authentication of both sides, with the vectors of RFC 2617 and RFC 7616."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.digest import (
    Authorization,
    Challenge,
    Credentials,
    DigestError,
    Outcome,
    Verdict,
    authorize,
    ha1_of,
    issue_challenges,
    strongest,
    verify,
)
from jambones.sip.nonce import NonceIssuer

NOW = 1_800_000_000.0
ALICE = Credentials("alice", "wonder land")
URI = "sip:bob@biloxi.example.com"


def make_issuer() -> NonceIssuer:
    return NonceIssuer(secret=b"k" * 32, lifetime=300)


def challenge_and_answer(issuer: NonceIssuer, credentials: Credentials = ALICE, algorithm: str = "MD5") -> str:
    challenges = issue_challenges(issuer, NOW, "atlanta", algorithms=(algorithm,))
    return authorize([str(c) for c in challenges], "INVITE", URI, credentials)


def judge(issuer: NonceIssuer, authorization: str | None, **changes: object) -> Verdict:
    options: dict[str, object] = {"now": NOW, "realm": "atlanta", "password": ALICE.password, **changes}
    return verify(authorization, "INVITE", issuer=issuer, **options)  # type: ignore[arg-type]


# -- vectors


def test_rfc_2617_example() -> None:
    challenge = (
        'Digest realm="testrealm@host.com", qop="auth,auth-int", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    answer = authorize(
        [challenge], "GET", "/dir/index.html", Credentials("Mufasa", "Circle Of Life"), cnonce="0a4f113b"
    )

    parsed = Authorization.parse(answer)
    assert parsed.response == "6629fae49393a05397450978507c4ef1"
    assert parsed.opaque == "5ccc069c403ebaf9f0171e9517f40e41"
    assert (parsed.qop, parsed.nc) == ("auth", "00000001")


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_examples(algorithm: str, response: str) -> None:
    challenge = Challenge(
        realm="http-auth@example.org",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        algorithm=algorithm,
        qop=("auth", "auth-int"),
        opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    )
    answer = authorize(
        [str(challenge)],
        "GET",
        "/dir/index.html",
        Credentials("Mufasa", "Circle of Life"),
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )

    assert Authorization.parse(answer).response == response


def test_a_challenge_without_qop_is_answered_in_the_old_way() -> None:
    answer = Authorization.parse(authorize(['Digest realm="r", nonce="n"'], "REGISTER", URI, ALICE))

    assert (answer.qop, answer.nc, answer.cnonce, answer.algorithm) == (None, None, None, "MD5")


# -- client


def test_the_strongest_known_algorithm_is_chosen_whatever_the_order() -> None:
    offered = [str(Challenge("r", "n1", a)) for a in ("MD5", "SHA-256", "QUANTUM-1")]

    assert strongest(offered).algorithm == "SHA-256"
    assert strongest(reversed(offered)).algorithm == "SHA-256"


def test_unusable_challenges_are_skipped() -> None:
    assert strongest(['Basic realm="x"', "Digest", str(Challenge("r", "n"))]).realm == "r"
    with pytest.raises(DigestError):
        strongest(['Digest realm="r", nonce="n", algorithm=ROT13', 'Digest realm="r", nonce="n", qop="confidential"'])


def test_auth_int_is_used_only_when_nothing_else_is_offered() -> None:
    assert Challenge("r", "n", qop=("auth-int", "auth")).quality == "auth"
    assert Challenge("r", "n", qop=("auth-int",)).quality == "auth-int"


def test_nonce_counts_advance_per_nonce() -> None:
    counts: dict[str, int] = {}
    first, second = str(Challenge("r", "n1")), str(Challenge("r", "n2"))

    got = [
        Authorization.parse(authorize([c], "INVITE", URI, ALICE, nonce_counts=counts)).nc
        for c in (first, first, second)
    ]

    assert got == ["00000001", "00000002", "00000001"]


def test_next_nonce_of_authentication_info_replaces_the_nonce() -> None:
    challenge = Challenge("r", "old", stale=True)

    assert challenge.with_next_nonce('nextnonce="new", qop=auth') == Challenge("r", "new")
    assert challenge.with_next_nonce("garbage!") is challenge


def test_client_nonces_have_at_least_64_random_bits() -> None:
    answers = {Authorization.parse(authorize([str(Challenge("r", "n"))], "INVITE", URI, ALICE)).cnonce for _ in "ab"}

    assert len(answers) == 2
    assert all(re.fullmatch("[0-9a-f]{16,}", a or "") for a in answers)


def test_passwords_do_not_show_in_representations() -> None:
    assert "wonder" not in repr(ALICE)
    assert "kkkk" not in repr(make_issuer())


# -- text


def test_challenges_and_credentials_survive_a_round_trip() -> None:
    challenge = Challenge('re"al\\m', "n", "SHA-256", ("auth", "auth-int"), "op", stale=True)
    credentials = Authorization('us"er', "r", "n", URI, "ab", "MD5", "auth", "c", "0000000a", "o")

    assert Challenge.parse(str(challenge)) == challenge
    assert Authorization.parse(str(credentials)) == credentials


def test_odd_but_readable_headers_are_understood() -> None:
    parsed = Challenge.parse('  digest  Realm = "a, b" ,nonce="x",, algorithm="md5" , qop=auth,stale=TRUE, new="y",')

    assert parsed == Challenge("a, b", "x", "md5", ("auth",), None, stale=True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Digest",
        "Digest ",
        "Basic abc",
        'Digest realm="r"',
        'Digest realm="r, nonce="n"',
        "Digest realm",
        "x" * 9000,
    ],
)
def test_broken_challenges_are_refused(text: str) -> None:
    with pytest.raises(DigestError):
        Challenge.parse(text)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    for header in (text, f"Digest {text}", f'Digest username="a", nonce="n", uri="u", response={text}'):
        for kind in (Challenge, Authorization):
            try:
                kind.parse(header)
            except DigestError:
                continue
        assert not verify(header, "INVITE", issuer=make_issuer(), now=NOW, realm="r").ok


# -- server


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"])
def test_the_right_password_is_accepted(algorithm: str) -> None:
    issuer = make_issuer()
    verdict = judge(issuer, challenge_and_answer(issuer, algorithm=algorithm))

    assert verdict.outcome is Outcome.OK
    assert verdict.authorization is not None
    assert verdict.authorization.username == "alice"


def test_a_kept_ha1_serves_as_well_as_the_password() -> None:
    issuer = make_issuer()

    assert judge(issuer, challenge_and_answer(issuer), password=None, ha1=ha1_of("alice", "atlanta", "wonder land")).ok


def test_auth_int_covers_the_body() -> None:
    issuer = make_issuer()
    challenge = replace(issue_challenges(issuer, NOW, "atlanta")[0], qop=("auth-int",))
    header = authorize([str(challenge)], "INVITE", URI, ALICE, body=b"v=0\r\n")

    assert judge(issuer, header, body=b"v=1\r\n").outcome is Outcome.WRONG_RESPONSE
    assert judge(issuer, header, body=b"v=0\r\n").ok


def test_wrong_password_and_unknown_user_look_the_same() -> None:
    issuer = make_issuer()
    header = challenge_and_answer(issuer, Credentials("alice", "guess"))

    wrong, unknown = judge(issuer, header), judge(issuer, header, password=None)
    assert wrong == unknown
    assert (wrong.outcome, wrong.challenge) == (Outcome.WRONG_RESPONSE, False)


def test_the_dummy_secret_opens_nothing() -> None:
    issuer = make_issuer()

    assert not judge(issuer, challenge_and_answer(issuer, Credentials("alice", "no such user")), password=None).ok
    assert not judge(issuer, challenge_and_answer(issuer, Credentials("alice", "no such user")), password="").ok


@pytest.mark.parametrize("header", [None, "", "Digest realm=x", 'Basic dXNlcg=="', 'Digest username="a", realm="r"'])
def test_missing_or_garbled_credentials_ask_for_a_challenge(header: str | None) -> None:
    verdict = judge(make_issuer(), header)

    assert (verdict.outcome, verdict.challenge, verdict.stale) == (Outcome.NO_CREDENTIALS, True, False)


def test_an_old_nonce_is_stale_and_a_foreign_one_is_not() -> None:
    issuer = make_issuer()
    header = challenge_and_answer(issuer)

    late = judge(issuer, header, now=NOW + 301)
    assert (late.outcome, late.stale, late.challenge) == (Outcome.STALE_NONCE, True, True)
    foreign = judge(NonceIssuer(secret=b"another"), header)
    assert (foreign.outcome, foreign.stale, foreign.challenge) == (Outcome.FOREIGN_NONCE, False, True)


def test_sister_processes_with_the_same_secret_accept_each_others_nonces() -> None:
    assert judge(make_issuer(), challenge_and_answer(make_issuer())).ok


def test_the_same_nonce_count_is_refused_the_second_time() -> None:
    issuer = make_issuer()
    header = challenge_and_answer(issuer)

    assert judge(issuer, header).ok
    again = judge(issuer, header)
    assert (again.outcome, again.stale) == (Outcome.REPLAYED, True)


def test_a_wrong_response_does_not_use_up_the_nonce_count() -> None:
    issuer = make_issuer()
    header = challenge_and_answer(issuer)

    assert not judge(issuer, header.replace('response="', 'response="0')).ok
    assert judge(issuer, header).ok


def test_credentials_of_another_realm_are_told_apart() -> None:
    issuer = make_issuer()
    verdict = judge(issuer, challenge_and_answer(issuer), realm="biloxi")

    assert (verdict.outcome, verdict.challenge) == (Outcome.WRONG_REALM, False)


def test_an_algorithm_that_was_not_offered_is_challenged_again() -> None:
    issuer = make_issuer()
    header = challenge_and_answer(issuer, algorithm="MD5")

    assert judge(issuer, header, algorithms=("SHA-256",)).outcome is Outcome.WRONG_ALGORITHM


@pytest.mark.parametrize(
    ("request_uri", "same"),
    [
        ("sip:bob@biloxi.example.com:5070;transport=tcp", True),
        ("sips:bob@BILOXI.example.com", True),
        ("sip:eve@biloxi.example.com", False),
        ("sip:bob@other.example.com", False),
    ],
)
def test_the_uri_is_compared_without_port_and_parameters(request_uri: str, same: bool) -> None:
    issuer = make_issuer()
    verdict = judge(issuer, challenge_and_answer(issuer), request_uri=request_uri)

    assert (verdict.ok, verdict.uri_matches) == (True, same)


def test_challenges_are_listed_in_the_order_asked_for() -> None:
    listed = issue_challenges(make_issuer(), NOW, "r", algorithms=("SHA-256", "MD5"), stale=True)

    assert [(c.algorithm, c.stale) for c in listed] == [("SHA-256", True), ("MD5", True)]
    assert str(listed[0]).startswith('Digest realm="r", nonce="')
