"""Enrolment and renewal at the PEM door: what a certificate says, who gets one and who does not."""

import concurrent.futures
import itertools
import ssl
import subprocess
import time

import applicant
import pytest
from applicant import DER, PEM, Applicant, ok, token
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

DAY_S = 86400


@pytest.fixture(scope="module")
def served(new_server):
    return new_server(settings=applicant.ASKS_MUCH).start()


@pytest.fixture
def new(served, tmp_path):
    """Makes applicants."""
    numbers = itertools.count()
    return lambda secret=None: Applicant(served, tmp_path / str(next(numbers)), secret)


@pytest.fixture
def device_id(request):
    """An id that no other test of this server has."""
    return "d-" + "".join(c if c.isalnum() else "-" for c in request.node.name)[-50:]


def counts(device):
    """Whether the server takes the certificate."""
    return device.poll().status in (200, 204)


def test_a_certificate_says_what_the_server_chose_and_nothing_else(new, served, device_id):
    wishes = [(x509.SubjectAlternativeName([x509.DNSName("admin.example")]), False),
              (x509.BasicConstraints(ca=True, path_length=3), True),
              (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False)]
    device = new()
    reply = device.enrol(token(served, "--device", device_id),
                         device.csr(common_name="somebody-else", extensions=wishes))
    assert reply.status == 200 and device.id == device_id
    cert = device.certificate
    assert cert.subject == applicant.name(device_id)
    extensions = {e.oid._name: e for e in cert.extensions}  # pylint: disable=protected-access
    assert set(extensions) == {"subjectAltName", "basicConstraints", "keyUsage",
                               "extendedKeyUsage", "subjectKeyIdentifier",
                               "authorityKeyIdentifier"}
    constraints, usage = extensions["basicConstraints"], extensions["keyUsage"]
    assert constraints.critical and not constraints.value.ca
    assert usage.critical and usage.value.digital_signature
    assert not usage.value.key_cert_sign and not usage.value.key_encipherment
    assert list(extensions["extendedKeyUsage"].value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    names = extensions["subjectAltName"].value
    assert [n.value for n in names] == [f"urn:ferry:device:{device_id}"]
    assert 126 <= cert.serial_number.bit_length() <= 127
    now = time.time()
    assert abs(cert.not_valid_before_utc.timestamp() - (now - DAY_S)) < 60
    assert abs(cert.not_valid_after_utc.timestamp() - (now + 730 * DAY_S)) < 60
    issuing = x509.load_pem_x509_certificates(reply.body)[1]
    assert extensions["authorityKeyIdentifier"].value.key_identifier == \
        issuing.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def test_openssl_verifies_the_chain(new, served, device_id):
    device = new()
    assert device.enrol(token(served, "--device", device_id)).status == 200
    # What it was given brings its issuer along.
    subprocess.run(["openssl", "verify", "-x509_strict", "-purpose", "sslclient", "-CAfile",
                    served.folder / "ca" / "root.pem", "-untrusted", device.cert,
                    device.cert], check=True, stdout=subprocess.DEVNULL, timeout=20)
    assert counts(device)


@pytest.mark.parametrize("curve", [ec.SECP256R1, ec.SECP384R1])
def test_keys_on_the_two_curves_are_signed(curve, new, served, device_id):
    device = new(applicant.new_key(curve))
    assert device.enrol(token(served, "--device", device_id)).status == 200
    assert counts(device)


def altered(csr):
    """The request with one bit of its signature changed."""
    der = bytearray(csr)
    der[-1] ^= 1
    return pem(bytes(der))


def altered_subject(csr):
    return pem(csr.replace(b"whatever", b"whatevex"))


def pem(der):
    done = subprocess.run(["openssl", "base64"], input=der, check=True, timeout=20,
                          stdout=subprocess.PIPE)
    return (b"-----BEGIN CERTIFICATE REQUEST-----\n" + done.stdout
            + b"-----END CERTIFICATE REQUEST-----\n")


def explicit_curve():
    """A P-256 key whose curve is spelt out, not named."""
    key = subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout",
                          "-param_enc", "explicit"], check=True, timeout=20,
                         stdout=subprocess.PIPE).stdout
    return subprocess.run(["openssl", "req", "-new", "-key", "/dev/stdin", "-subj", "/CN=x"],
                          input=key, check=True, timeout=20, stdout=subprocess.PIPE).stdout


def over_sha1(csr):
    del csr
    key = subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"],
                         check=True, timeout=20, stdout=subprocess.PIPE).stdout
    return subprocess.run(["openssl", "req", "-new", "-sha1", "-key", "/dev/stdin", "-subj",
                           "/CN=x"], input=key, check=True, timeout=20,
                          stdout=subprocess.PIPE).stdout


def of(key, digest=hashes.SHA256()):
    return applicant.request(key, digest=digest).public_bytes(PEM)


BAD_REQUESTS = {
    "rsa": (lambda csr: of(rsa.generate_private_key(65537, 3072)), "RSA"),
    "p-521": (lambda csr: of(applicant.new_key(ec.SECP521R1)), "SECP521R1"),
    "secp256k1": (lambda csr: of(applicant.new_key(ec.SECP256K1)), "P-256"),
    "ed25519": (lambda csr: of(ed25519.Ed25519PrivateKey.generate(), None), "EdDSA"),
    "explicit curve": (lambda csr: explicit_curve(), "P-256"),
    "weak digest": (over_sha1, "SHA-256"),
    "altered signature": (altered, "does not prove"),
    "altered subject": (altered_subject, "does not prove"),
    "bytes behind": (lambda csr: pem(csr + b"\0"), "one ASN.1 sequence"),
    "cut": (lambda csr: pem(csr[:-1]), "one ASN.1 sequence"),
    "another sequence": (lambda csr: pem(b"\x30\x03\x02\x01\x01"), "PKCS#10"),
    "der": (lambda csr: csr, "PEM"),
    "two requests": (lambda csr: pem(csr) + pem(csr), "PEM"),
    "words before": (lambda csr: b"hello\n" + pem(csr), "PEM"),
    "no base64": (lambda csr: pem(csr).replace(b"M", b"%"), "PEM"),
    "nothing": (lambda csr: b" ", "PEM"),
}


@pytest.mark.parametrize("fault", BAD_REQUESTS)
def test_a_bad_request_is_refused_with_its_rule(fault, new, served, device_id):
    make, said = BAD_REQUESTS[fault]
    device, text = new(), token(served, "--device", device_id)
    reply = device.enrol(text, make(device.csr(form=DER)))
    assert reply.status == 400 and reply.json["error"] == "csr_refused"
    assert said in reply.json["message"]
    assert device.enrol(text).status == 200  # it has cost the token nothing


def test_a_request_over_4_kb_is_refused_unread(new, served, device_id):
    device = new()
    reply = device.enrol(token(served, "--device", device_id), device.csr() + b"\n" * 4096)
    assert reply.status == 413


def test_tokens_that_do_not_count_are_told_apart_by_nobody(new, served, device_id):
    def answer(text):
        reply = new().enrol(text)
        assert reply.status == 401
        return reply.body

    expired = token(served, "--expires=1s")
    revoked = ok(served, "token new", "--url=https://localhost:1")
    ok(served, "token revoke", revoked["token"])
    time.sleep(2.1)
    used_up = token(served, "--device", device_id)
    assert new().enrol(used_up).status == 200
    ok(served, "device remove", device_id)
    answers = {answer(text) for text in (expired, revoked["join"].split("#")[2], used_up,
                                         "A" * 32, "short", "A" * 31 + "!")}
    assert len(answers) == 1
    assert b"token_unknown" in answers.pop()
    no_token = served.request("POST", "/api/v1/enroll", body=new().csr())
    assert no_token.status == 401 and no_token.headers["WWW-Authenticate"]


def test_the_same_key_and_token_get_the_same_certificate(new, served, device_id):
    device, text = new(), token(served, "--device", device_id, "--expires=2s")
    first = device.enrol(text)
    assert first.status == 200
    assert device.enrol(text).body == first.body
    assert device.enrol(text, device.csr(common_name="other words")).body == first.body
    time.sleep(3.1)
    assert device.enrol(text).body == first.body  # also expired: its answer may have been lost
    assert len(ok(served, "device show", device_id)["device"]["certificates"]) == 1


def test_another_key_waits_for_a_release(new, served, device_id):
    text = token(served, "--device", device_id)
    former, other = new(), new()
    assert former.enrol(text).status == 200
    reply = other.enrol(text)
    assert reply.status == 409 and reply.json["error"] == "release_needed"
    assert counts(former)
    ok(served, "device release", device_id)
    assert counts(former)  # the release alone takes nothing from anybody
    assert other.enrol(text).status == 200 and other.id == device_id
    assert counts(other) and not counts(former)
    third = new().enrol(text)
    assert third.status == 409  # once
    again = former.enrol(text)
    assert again.status == 403 and again.json["error"] == "revoked"


def test_a_key_is_one_device_s(new, served, device_id):
    device = new()
    assert device.enrol(token(served, "--device", device_id)).status == 200
    text = token(served, "--device", device_id + "-b")
    reply = device.enrol(text)
    assert reply.status == 409 and reply.json["error"] == "key_taken"
    assert new().enrol(text).status == 200


def test_a_group_s_token_makes_ids_as_often_as_it_may(new, served):
    text = token(served, "--group", "pumps", "--uses", "3")
    devices = [new() for _ in range(4)]
    replies = [d.enrol(text) for d in devices]
    assert [r.status for r in replies] == [200, 200, 200, 401]
    ids = {d.id for d in devices[:3]}
    assert len(ids) == 3 and all(i.startswith("dev-") for i in ids)
    assert ids <= {d["device"] for d in ok(served, "device list", "--group", "pumps")["devices"]}
    known = devices[0].id
    assert devices[0].enrol(token(served, "--group", "valves")).status == 200
    assert devices[0].id == known  # the key is known: it joins as who it is


@pytest.mark.parametrize("same_key", [False, True])
def test_enrolments_that_race_for_one_token(same_key, new, served, device_id):
    text = token(served)
    secret = applicant.new_key()
    devices = [new(secret if same_key else None) for _ in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda d: d.enrol(text), devices))
    good = [r for r in replies if r.status == 200]
    if same_key:
        assert len(good) == 8 and len({r.body for r in good}) == 1
    else:
        assert len(good) == 1
        assert {r.status for r in replies} == {200, 401}


def test_renewal_gives_a_successor_once(new, served, device_id):
    device = new()
    assert device.enrol(token(served, "--device", device_id)).status == 200
    first = device.cert.read_bytes()
    device.secret = applicant.new_key()
    csr = device.csr()
    replies = [served.request("POST", "/api/v1/renew", device=device, body=csr) for _ in range(3)]
    assert {r.status for r in replies} == {200}
    assert len({r.body for r in replies}) == 1 and replies[0].body != first
    assert counts(device)  # the former one, until the new one is stored
    device.keep_key()
    device.keep(replies[0])
    assert device.id == device_id and counts(device)
    assert len(ok(served, "device show", device_id)["device"]["certificates"]) == 2


def test_renewal_takes_no_key_of_another_device(new, served, device_id):
    one, other = new(), new()
    assert one.enrol(token(served)).status == other.enrol(token(served)).status == 200
    reply = one.renew(other.csr())
    assert reply.status == 409 and reply.json["error"] == "key_taken"


def test_a_revoked_device_is_out_at_its_next_request(new, served, device_id):
    device = new()
    text = token(served, "--device", device_id)
    assert device.enrol(text).status == 200
    sock = served.connect("devices", device)
    assert device.poll(sock).status in (200, 204)
    ok(served, "device revoke", device_id)
    assert device.poll(sock).status == 403  # on the connection that was open
    assert device.poll().status == 403
    assert device.renew().status == 403
    assert device.enrol(text).status == 403
    ok(served, "device restore", device_id)
    assert device.poll().status == 403  # its certificates stay revoked
    device.secret = applicant.new_key()
    device.keep_key()
    assert device.enrol(token(served, "--device", device_id)).status == 200
    assert counts(device)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_resumed_session_is_out_as_well(version, new, served, device_id):
    device = new()
    assert device.enrol(token(served, "--device", device_id)).status == 200
    first = served.connect("devices", device, version=version)
    assert device.poll(first).status in (200, 204)
    second = served.connect("devices", device, session=first)
    assert second.session_reused and device.poll(second).status in (200, 204)
    ok(served, "device revoke", device_id)
    third = served.connect("devices", device, session=first)
    assert third.session_reused and device.poll(third).status == 403


def test_a_removed_device_is_unknown(new, served, device_id):
    device = new()
    assert device.enrol(token(served, "--device", device_id)).status == 200
    ok(served, "device remove", device_id)
    assert not counts(device) and device.renew().status == 403


def signed_by(issuer_cert, issuer_key, purpose, device):
    """A certificate for the device's key by a CA's key, as its holder could make it."""
    now = x509.load_pem_x509_certificate(issuer_cert).not_valid_before_utc
    key = serialization.load_pem_private_key(issuer_key, None)
    cert = (x509.CertificateBuilder().subject_name(applicant.name("pump-1"))
            .issuer_name(x509.load_pem_x509_certificate(issuer_cert).subject)
            .public_key(device.secret.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now).not_valid_after(now.replace(year=now.year + 1))
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(x509.ExtendedKeyUsage(purpose), False).sign(key, hashes.SHA256()))
    device.cert.write_bytes(cert.public_bytes(PEM))
    return device


def test_certificates_of_others_and_for_others_are_refused(new, served, new_server):
    ca = served.folder / "ca"
    ours = (ca / "issuing.pem").read_bytes(), (ca / "issuing.key").read_bytes()
    foreign = new_server().folder / "ca"
    theirs = (foreign / "issuing.pem").read_bytes(), (foreign / "issuing.key").read_bytes()
    client, server_auth = ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH
    for issuer, purpose in [(theirs, [client]), (ours, [server_auth]),
                            (ours, [client, server_auth]), (ours, [client])]:
        device = signed_by(*issuer, purpose, new())
        # The last is ours in every way but that nobody recorded it.
        assert not counts(device)
        assert device.renew().status in (401, 403)
    own = new()
    own.cert, own.key = ca / "server.pem", ca / "server.key"
    assert not counts(own)
    # This one may not sign a handshake, by its key usage: TLS itself ends it.
    own.cert, own.key = ca / "issuing.pem", ca / "issuing.key"
    with pytest.raises((ssl.SSLError, OSError)):
        own.poll()
    nobody = served.request("POST", "/api/v1/renew", body=new().csr())
    assert nobody.status in (401, 403)


def test_what_is_secret_is_written_nowhere_and_the_rest_is_audited(new, served, device_id):
    device, text = new(), token(served, "--device", device_id)
    assert device.enrol(text).status == 200
    device.secret = applicant.new_key()
    assert device.renew().status == 200
    rows = ok(served, "audit show")["entries"]
    mine = [(r["actor"].split()[0], r["action"]) for r in rows if device_id in
            (r["subject"], r["detail"].split(" ")[1] if " " in r["detail"] else "")]
    assert ("command", "make token") in mine
    assert ("token", "enrol device") in mine and ("device", "renew certificate") in mine
    assert text.encode() not in served.log.read_bytes()
    for path in served.folder.rglob("*"):
        if path.is_file():
            assert text.encode() not in path.read_bytes()


def test_who_asks_too_often_is_told_when_to_come_back(new_server, tmp_path):
    server = new_server(settings={"enrol_per_minute": "3"}).start()
    device = Applicant(server, tmp_path / "device")
    replies = [device.enrol("A" * 32) for _ in range(5)]
    assert [r.status for r in replies] == [401, 401, 401, 429, 429]
    assert 1 <= int(replies[-1].headers["Retry-After"]) <= 60
    assert replies[-1].json["error"] == "rate"


def test_tries_are_counted_by_network_and_by_token(new_server, tmp_path):
    """A network of IPv6 is one address: whoever has one has 2^64."""
    server = new_server(settings={"enrol_per_minute": "3", "proxy_listen": "unix:p"}).start()
    csr = Applicant(server, tmp_path / "device").csr()

    numbers = itertools.count(10**31)

    def ask(address, text=None):  # each with a token of its own: what is counted is addresses
        headers = {"Authorization": f"Bearer {text or next(numbers)}",
                   "Ferry-Client-Address": address}
        return server.request("POST", "/api/v1/enroll", "proxy", body=csr, headers=headers).status

    assert [ask(f"2001:db8::{i}") for i in range(1, 4)] == [401] * 3
    assert ask("2001:db8::ffff:0:1") == 429
    assert ask("2001:db8:0:1::1") == 401
    assert [ask(f"192.0.2.{i}") for i in range(4)] == [401] * 4
    # One token from everywhere is counted by itself.
    assert [ask(f"198.51.100.{i}", "A" * 32) for i in range(4)] == [401] * 3 + [429]


def test_batch_behind_one_address_is_not_held_up(new_server, tmp_path):
    server = new_server(settings={"enrol_per_minute": "3"}).start()
    text = token(server, "--uses", "9")
    devices = [Applicant(server, tmp_path / str(i)) for i in range(9)]
    assert [d.enrol(text).status for d in devices] == [200] * 9
    # The same certificate once more is nothing new.
    assert [devices[0].enrol(text).status for _ in range(4)] == [200, 200, 200, 429]


def test_all_signatures_together_are_limited_and_strangers_use_none(new_server, tmp_path):
    server = new_server(settings={**applicant.ASKS_MUCH, "signatures_per_minute": "2"}).start()
    text = token(server, "--uses", "9")
    devices = [Applicant(server, tmp_path / str(i)) for i in range(3)]
    assert all(devices[0].enrol("A" * 32).status == 401 for _ in range(5))
    replies = [d.enrol(text) for d in devices]
    assert [r.status for r in replies] == [200, 200, 429]
    assert replies[2].json["error"] == "rate" and int(replies[2].headers["Retry-After"]) >= 1
    assert devices[0].enrol(text).status == 200  # it has one already: nothing to sign
    assert ok(server, "token list")["tokens"][0]["uses_left"] == 7
    assert len(ok(server, "device list")["devices"]) == 2
