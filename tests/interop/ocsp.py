"""Asks an OCSP responder with Python's cryptography: ocsp.py URL ISSUER CERTIFICATE [DIGEST].

Prints the certificate's status. Verifies the response's signature by the certificate in the response,
and that certificate's signature by the issuer.
"""
import os
import sys
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp

url, issuer_path, certificate_path = sys.argv[1:4]
digest = hashes.SHA256() if sys.argv[4:] == ["sha256"] else hashes.SHA1()


def load(path):
    with open(path, "rb") as file:
        return x509.load_pem_x509_certificate(file.read())


issuer = load(issuer_path)
nonce = os.urandom(128)  # RFC 9654: the longest
request = (
    ocsp.OCSPRequestBuilder()
    .add_certificate(load(certificate_path), issuer, digest)
    .add_extension(x509.OCSPNonce(nonce), critical=False)
    .build()
)
question = urllib.request.Request(
    url,
    data=request.public_bytes(serialization.Encoding.DER),
    headers={"Content-Type": "application/ocsp-request"},
)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with opener.open(question) as answer:
    response = ocsp.load_der_ocsp_response(answer.read())

responder = response.certificates[0]
responder.verify_directly_issued_by(issuer)
purposes = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
assert x509.oid.ExtendedKeyUsageOID.OCSP_SIGNING in purposes
responder.extensions.get_extension_for_class(x509.OCSPNoCheck)
responder.public_key().verify(
    response.signature, response.tbs_response_bytes, ec.ECDSA(response.signature_hash_algorithm)
)
assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == nonce
assert response.serial_number == load(certificate_path).serial_number
print(response.certificate_status.name)
