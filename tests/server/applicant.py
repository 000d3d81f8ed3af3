"""A device that asks for certificates, in every form and with every fault: what the tests of the
authority play. Keys and requests by the cryptography package."""

import json

import ferryd
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

PEM, DER = serialization.Encoding.PEM, serialization.Encoding.DER
ASKS_MUCH = {"enrol_per_minute": "1000000"}  # one machine plays the whole fleet


def name(common_name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def request(key, common_name="whatever", extensions=(), digest=hashes.SHA256()):
    """A certificate request, signed by its key."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name(common_name))
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key, digest)


def new_key(curve=ec.SECP256R1):
    return ec.generate_private_key(curve())


def command(server, words, *more):
    """`ferryd WORDS DIR MORE... --json`: exit code and the object."""
    done = ferryd.run(*words.split(), server.folder, *more, "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def ok(server, words, *more):
    code, answer = command(server, words, *more)
    assert code == 0, answer
    return answer


def token(server, *options):
    """A new token's text."""
    return ok(server, "token new", "--url=https://localhost:1", *options)["join"].split("#")[2]


class Applicant:
    """A key, and the certificate that came of it; `key` and `cert` are files, as Ferryd's
    connections take them."""

    def __init__(self, server, folder, secret=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.server, self.secret, self.id = server, secret or new_key(), None
        self.key, self.cert = folder / "key.pem", folder / "cert.pem"
        self.keep_key()

    def keep_key(self):
        self.key.write_bytes(self.secret.private_bytes(
            PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))

    def csr(self, form=PEM, **options):
        return request(self.secret, **options).public_bytes(form)

    @property
    def certificate(self):
        return x509.load_pem_x509_certificate(self.cert.read_bytes())

    def enrol(self, text, csr=None):
        """By a token's text; a certificate is kept."""
        return self.keep(self.server.request(
            "POST", "/api/v1/enroll", body=csr or self.csr(),
            headers={"Authorization": f"Bearer {text}"}))

    def renew(self, csr=None):
        return self.keep(self.server.request("POST", "/api/v1/renew", device=self,
                                             body=csr or self.csr()))

    def keep(self, reply):
        if reply.status == 200:
            self.cert.write_bytes(reply.body)
            self.id = reply.headers["Ferry-Device"]
        return reply

    def poll(self, sock=None):
        """What it asks day by day: the status tells whether it counts."""
        return self.server.request(
            "GET", "/api/v1/manifest?project=p&chip=esp32c3&version=1.0.0&slot_bytes=1048576",
            device=self, sock=sock)


def enrolled(server, folder, name):
    device = Applicant(server, folder / name)
    assert device.enrol(token(server, "--device", name)).status == 200
    return device


def counts(device):
    return device.poll().status in (200, 204)
