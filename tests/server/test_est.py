"""EST (RFC 7030) by clients that nobody here wrote: curl with openssl, and strongSwan's pki."""

import base64
import itertools
import re
import subprocess
import warnings

import applicant
import pytest
from applicant import DER, PEM, Applicant, token
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from ferryd import ROOT

TIME_LIMIT_S = 30


@pytest.fixture(scope="module")
def served(new_server):
    return new_server(settings=applicant.ASKS_MUCH).start()


@pytest.fixture
def new(served, tmp_path):
    numbers = itertools.count()
    return lambda: Applicant(served, tmp_path / str(next(numbers)))


def run(*words, stdin=None):
    return subprocess.run([str(w) for w in words], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=TIME_LIMIT_S)


def made(*words, stdin=None):
    done = run(*words, stdin=stdin)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def url(served, operation):
    port = served.address("devices")[1]
    return f"https://localhost:{port}/.well-known/est/{operation}"


def root(served):
    return served.folder / "ca" / "root.pem"


def certificates(der):
    """What openssl makes of a PKCS#7."""
    text = made("openssl", "pkcs7", "-inform", "DER", "-print_certs", stdin=der)
    return text.count(b"-----BEGIN CERTIFICATE-----")


def basic(text, user="anybody"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{text}".encode()).decode()}


def enrol(served, headers, body):
    return served.request("POST", "/.well-known/est/simpleenroll", body=body, headers=headers)


def test_cacerts_is_certs_only_pkcs7_in_one_line(served):
    reply = served.request("GET", "/.well-known/est/cacerts")
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/pkcs7-mime"
    assert reply.headers["Content-Transfer-Encoding"] == "base64"
    assert reply.body.count(b"\n") == 1 and reply.body.endswith(b"\n")
    der = base64.b64decode(reply.body, validate=False)
    assert certificates(der) == 2
    # A second reader, which warns of what is BER and not DER.
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pkcs7.load_der_pkcs7_certificates(der)
    ca = served.folder / "ca"
    assert set(found) == {x509.load_pem_x509_certificate((ca / name).read_bytes())
                          for name in ("root.pem", "issuing.pem")}


def test_the_wrapper_is_what_openssl_writes(served, new, tmp_path):
    device, text = new(), token(served, "--device", "wrapped")
    assert device.enrol(text).status == 200
    reply = enrol(served, basic(text), base64.b64encode(device.csr(form=DER)))
    (tmp_path / "leaf.pem").write_bytes(device.certificate.public_bytes(PEM))
    theirs = made("openssl", "crl2pkcs7", "-nocrl", "-certfile", tmp_path / "leaf.pem",
                  "-outform", "DER")
    assert base64.b64decode(reply.body) == theirs


def test_curl_and_openssl_enrol_and_renew(served, tmp_path):
    text = token(served, "--device", "curl-1")
    key, csr, cert = tmp_path / "key.pem", tmp_path / "csr.der", tmp_path / "cert.pem"
    made("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    made("openssl", "req", "-new", "-key", key, "-subj", "/CN=x", "-outform", "DER", "-out", csr)
    body = tmp_path / "csr.b64"
    body.write_bytes(made("openssl", "base64", "-in", csr))  # with line breaks
    curl = ["curl", "-sS", "--fail-with-body", "--cacert", root(served), "-H",
            "Content-Type: application/pkcs10", "--data-binary", f"@{body}"]
    answer = made(*curl, "-H", "Content-Transfer-Encoding: base64", "-u", f"x:{text}",
                  url(served, "simpleenroll"))
    der = base64.b64decode(answer)
    cert.write_bytes(made("openssl", "pkcs7", "-inform", "DER", "-print_certs", stdin=der))
    assert b"CN = curl-1" in made("openssl", "x509", "-in", cert, "-noout", "-subject")
    made("openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes",
         "-keyout", tmp_path / "key2.pem", "-subj", "/CN=x", "-outform", "DER", "-out", csr)
    body.write_bytes(made("openssl", "base64", "-A", "-in", csr))  # in one line
    again = made(*curl, "--cert", cert, "--key", key, url(served, "simplereenroll"))
    renewed = made("openssl", "pkcs7", "-inform", "DER", "-print_certs",
                   stdin=base64.b64decode(again))
    assert renewed != cert.read_bytes() and b"subject=CN = curl-1" in renewed
    refused = run(*curl, url(served, "simplereenroll"))  # without a certificate
    assert refused.returncode == 22


def test_strongswan_enrols_and_renews(served, tmp_path):
    text = token(served, "--device", "swan-1")
    base = url(served, "")[:-len(".well-known/est/")]
    key, cert = tmp_path / "key.pem", tmp_path / "cert.der"
    key.write_bytes(made("pki", "--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem"))
    csr = tmp_path / "csr.der"
    csr.write_bytes(made("pki", "--req", "--in", key, "--type", "ecdsa", "--dn", "CN=whatever"))
    made("pki", "--estca", "--url", base, "--cacert", root(served), "--caout",
         tmp_path / "ca.pem", "--outform", "pem", "--force")
    assert list(tmp_path.glob("ca*.pem"))
    tls = ["--url", base, "--cacert", root(served), "--in", csr]
    cert.write_bytes(made("pki", "--est", *tls, "--cacert", served.folder / "ca" / "issuing.pem",
                          "--userpass", f"x:{text}"))
    shown = made("pki", "--print", "--in", cert)
    assert b'CN=swan-1' in shown and b"clientAuth" in shown
    key2 = tmp_path / "key2.pem"
    key2.write_bytes(made("pki", "--gen", "--type", "ecdsa", "--size", "384", "--outform", "pem"))
    csr.write_bytes(made("pki", "--req", "--in", key2, "--type", "ecdsa", "--dn", "CN=whatever"))
    renewed = made("pki", "--est", *tls, "--cacert", served.folder / "ca" / "issuing.pem",
                   "--cert", cert, "--key", key)
    assert renewed != cert.read_bytes()
    (tmp_path / "renewed.der").write_bytes(renewed)
    assert b'CN=swan-1' in made("pki", "--print", "--in", tmp_path / "renewed.der")


def test_the_lines_of_the_documentation_do_what_they_say(served, tmp_path):
    """With this server's address and a token in them; both clients get the same certificate."""
    page = (ROOT / "docs/enrolment.md").read_text()
    lines = re.search(r"^    openssl req -new(?:.*\n    )*.*-out certificate\.pem$", page, re.M)[0]
    for there, here in [("updates.example.com:8443", f"localhost:{served.address('devices')[1]}"),
                        ("x:TOKEN", f"x:{token(served, '--device', 'printed')}")]:
        assert lines.count(there) == 2
        lines = lines.replace(there, here)
    for name in ("root.pem", "issuing.pem"):
        (tmp_path / name).write_bytes((served.folder / "ca" / name).read_bytes())
    done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", lines], cwd=tmp_path, check=False,
                          capture_output=True, timeout=TIME_LIMIT_S)
    assert done.returncode == 0, done.stderr.decode()
    cert = x509.load_pem_x509_certificate((tmp_path / "certificate.pem").read_bytes())
    assert cert.subject == applicant.name("printed")
    assert cert.public_bytes(DER) == (tmp_path / "certificate.der").read_bytes()


@pytest.mark.parametrize("headers", [
    {}, {"Authorization": "Basic"}, {"Authorization": "Basic %%%"},
    {"Authorization": "Bearer " + "A" * 32}, {"Authorization": "Basic " + "QUFB" * 200},
    {"Authorization": "Basic QUFBQQ=="}, basic("wrong"), basic("A" * 32)])
def test_no_token_no_certificate(headers, served, new):
    device = new()
    reply = enrol(served, headers, base64.b64encode(device.csr(form=DER)))
    assert reply.status == 401 and "Basic" in reply.headers["WWW-Authenticate"]


@pytest.mark.parametrize("body", [b" ", b"%%%%", b"QUFB", b"-----BEGIN CERTIFICATE REQUEST-----",
                                  b"MA==", b"MIIB" + b"A" * 4000])
def test_bodies_that_are_no_request(body, served):
    text = token(served)
    assert enrol(served, basic(text), body).status == 400


def test_a_body_over_4_kb_is_refused(served):
    assert enrol(served, basic(token(served)), b"A" * 4097).status == 413


def test_both_doors_give_the_same_certificate(served, new):
    device, text = new(), token(served, "--device", "both-doors")
    assert device.enrol(text).status == 200
    reply = enrol(served, basic(text, "someone"), base64.b64encode(device.csr(form=DER)))
    assert reply.status == 200
    assert reply.headers["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
    der = base64.b64decode(reply.body)
    assert pkcs7.load_der_pkcs7_certificates(der) == [device.certificate]
