"""A service account of the stand-in for Google Cloud Storage: its key file, as Google hands it out, and who has signed a token.

Rule: a token is a JWT that the account signed itself (RS256; https://google.aip.dev/auth/4111), for now, with a scope that covers storage. Does not: keep a
secret well; the key is made for a test and forgotten.
"""

import base64
import binascii
import hashlib
import json
import math
import secrets
import textwrap
import time

SCOPES = ("https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/devstorage.")
EXPONENT = 65537
# Of an RSA signature over a SHA-256 (RFC 8017, 9.2): what comes before the digest.
DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")
SMALL_PRIMES = [number for number in range(3, 2000, 2) if all(number % other for other in range(3, math.isqrt(number) + 1, 2))]


def is_prime(number):
    """Miller and Rabin's test: a composite number passes it once in 4^20 times at most."""
    if any(number % small == 0 for small in SMALL_PRIMES):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(20):
        power = pow(secrets.randbelow(number - 3) + 2, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = pow(power, 2, number)
            if power == number - 1:
                break
        else:
            return False
    return True


def prime():
    """Of 1,024 bits, the first two of them set, so that the product of two has 2,048."""
    while True:
        number = secrets.randbits(1024) | 3 << 1022 | 1
        if number % EXPONENT != 1 and is_prime(number):
            return number


def der(tag, content):
    size = len(content)
    sizes = [size] if size < 128 else [0x80 | (size.bit_length() + 7) // 8, *size.to_bytes((size.bit_length() + 7) // 8, "big")]
    return bytes([tag, *sizes]) + content


def integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Account:
    def __init__(self):
        smaller, larger = sorted((prime(), prime()))
        self.modulus = smaller * larger
        private = pow(EXPONENT, -1, math.lcm(smaller - 1, larger - 1))
        numbers = [0, self.modulus, EXPONENT, private, larger, smaller, private % (larger - 1), private % (smaller - 1), pow(smaller, -1, larger)]
        key = der(0x30, b"".join(map(integer, numbers)))
        algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
        self.pkcs8 = der(0x30, integer(0) + algorithm + der(4, key))
        self.key_id = secrets.token_hex(20)
        self.email = "ledger@example.iam.gserviceaccount.com"

    def key_file(self):
        lines = textwrap.wrap(base64.b64encode(self.pkcs8).decode(), 64)
        pem = "\n".join(["-----BEGIN PRIVATE KEY-----", *lines, "-----END PRIVATE KEY-----", ""])
        return {
            "type": "service_account",
            "project_id": "example",
            "private_key_id": self.key_id,
            "private_key": pem,
            "client_email": self.email,
            "client_id": "100000000000000000000",
            "token_uri": "https://oauth2.googleapis.com/token",
        }

    def has_signed(self, token):
        try:
            head, claims, signature = token.split(".")
            signed = pow(int.from_bytes(unpadded(signature), "big"), EXPONENT, self.modulus).to_bytes(256, "big")
            what, told = json.loads(unpadded(head)), json.loads(unpadded(claims))
        except (ValueError, binascii.Error):
            return False
        info = DIGEST_INFO + hashlib.sha256(f"{head}.{claims}".encode()).digest()
        expected = b"\0\1" + b"\xff" * (256 - 3 - len(info)) + b"\0" + info
        is_ours = what.get("alg") == "RS256" and what.get("kid") == self.key_id and told.get("iss") == told.get("sub") == self.email
        lasts = told.get("iat", math.inf) - 60 <= time.time() < told.get("exp", 0) <= told.get("iat", 0) + 3600
        return signed == expected and is_ours and lasts and told.get("scope", "").startswith(SCOPES)
