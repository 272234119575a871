"""A stand-in for Google Cloud Storage: the part of its XML API that evidence in gs:// uses, in memory, on a free port of 127.0.0.1.

It is not Google's server. It keeps the rules of https://docs.cloud.google.com/storage/docs/xml-api (reference-headers, reference-status, get-bucket-list,
multipart-uploads) and of /storage/quotas as they are written there; what is not written, such as the exact words of a message, is a guess.

In: `gcs.py KEY_FILE [--page KEYS] [--slow]`. KEY_FILE is written for a service account that may do everything in the bucket `ledger`; a list has KEYS keys a
page; `--slow` keeps the limit of one write a second to the same name, and looks at it before any condition. Out: the port as a line. Rule: every request has a
bearer token, one that the account signed or one of the metadata server, which is here too; conditions are looked at and kept under one lock, and each write
gets a higher generation. It ends when its input does, as at the end of the process that started it. Does not: keep old generations, ask for TLS.
"""

import argparse
import base64
import dataclasses
import email.utils
import hashlib
import http.server
import json
import os
import re
import secrets
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree as xml
from xml.sax.saxutils import escape

from gcs_account import Account

TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"
SMALLEST_PART = 5 * 1024 * 1024
XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


class Refused(Exception):
    """A reply that is an error, in the shape of Google's."""

    def __init__(self, status, code, message, details=""):
        super().__init__(code)
        self.status = status
        details = f"<Details>{escape(details)}</Details>" if details else ""
        self.body = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code><Message>{escape(message)}</Message>{details}</Error>".encode()


def is_unmet():
    return Refused(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")


def no_such_key(key):
    return Refused(404, "NoSuchKey", "The specified key does not exist.", f"No such object: ledger/{key}")


@dataclasses.dataclass
class Object:
    data: bytes
    kind: str
    generation: int
    etag: str
    modified: float

    def headers(self):
        return {
            "ETag": self.etag,
            "Last-Modified": email.utils.formatdate(self.modified, usegmt=True),
            "Content-Type": self.kind,
            "x-goog-generation": str(self.generation),
            "x-goog-metageneration": "1",
            "x-goog-stored-content-length": str(len(self.data)),
        }


class Bucket:
    """All of it is done under one lock: a condition holds until what it guards is written."""

    def __init__(self, page, is_slow):
        self.page, self.is_slow = page, is_slow
        self.objects, self.uploads, self.written = {}, {}, {}
        self.generation = 0

    def mutates(self, key):
        now = time.monotonic()
        if self.is_slow and now - self.written.get(key, -1.0) < 1.0:
            limit = "exceeded the rate limit for object mutation operations (create, update, and delete). Please reduce your request rate."
            raise Refused(429, "SlowDown", f"The object {limit}", f"The object ledger/{key} {limit}")
        return now

    def guarded(self, key, headers):
        """What is there, where it is that still of which the request says so."""
        found = self.objects.get(key)
        wanted = headers.get("x-goog-if-generation-match")
        if wanted is not None and not wanted.isdigit():
            raise Refused(400, "InvalidArgument", "Invalid argument.", "x-goog-if-generation-match is no number")
        if wanted is not None and int(wanted) != (found.generation if found else 0):
            raise is_unmet()
        return found

    def write(self, key, headers, data, kind, etag=None):
        now = self.mutates(key)
        self.guarded(key, headers)
        self.generation = max(self.generation + 1, time.time_ns() // 1000)
        if etag is None:
            etag = f'"{hashlib.md5(data).hexdigest()}"'
        self.objects[key] = Object(data, kind, self.generation, etag, time.time())
        self.written[key] = now
        return self.objects[key]

    def read(self, key, query, headers):
        found = self.objects.get(key)
        if not found or query.get("generation", str(found.generation)) != str(found.generation):
            raise no_such_key(key)
        self.guarded(key, headers)
        if headers.get("If-Match", found.etag) not in (found.etag, "*"):
            raise is_unmet()
        if headers.get("If-None-Match") in (found.etag, "*"):
            return 304, found.headers(), b""
        span = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("Range", ""))
        if not span or span.groups() == ("", ""):
            return 200, found.headers(), found.data
        first, last = span.groups()
        size = len(found.data)
        start = int(first) if first else max(size - int(last), 0)
        end = min(int(last) + 1, size) if first and last else size
        if start >= end:
            raise Refused(416, "InvalidRange", "The requested range cannot be satisfied.")
        return 206, found.headers() | {"Content-Range": f"bytes {start}-{end - 1}/{size}"}, found.data[start:end]

    def remove(self, key, headers):
        if not self.objects.get(key):
            raise no_such_key(key)
        now = self.mutates(key)
        self.guarded(key, headers)
        del self.objects[key]
        self.written[key] = now
        return 204, {}, b""

    def copy(self, key, headers):
        source = urllib.parse.unquote(headers["x-goog-copy-source"]).lstrip("/")
        bucket, _, name = source.partition("/")
        found = self.objects.get(name) if bucket == "ledger" else None
        if not found:
            raise no_such_key(name)
        made = self.write(key, headers, found.data, found.kind, found.etag)
        told = f"<ETag>{escape(made.etag)}</ETag><LastModified>{instant(made.modified)}</LastModified>"
        return 200, of_a_write(made), f"<CopyObjectResult>{told}</CopyObjectResult>".encode()

    def list(self, query):
        if query.get("list-type") != "2":
            raise Refused(400, "InvalidArgument", "Invalid argument.", "only list-type=2 is known here")
        prefix, delimiter, token = (query.get(name, "") for name in ("prefix", "delimiter", "continuation-token"))
        after = base64.urlsafe_b64decode(token).decode()
        entries = {}
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > query.get("start-after", ""):
                head, cut, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
                # Keys that go on behind a delimiter are one entry, and count as one.
                entries.setdefault(prefix + head + cut if cut else key, None if cut else self.objects[key])
        entries = [(name, found) for name, found in entries.items() if name > after]
        page = entries[: min(int(query.get("max-keys", 1000)), self.page)]
        told = [f"<Name>ledger</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount>"]
        told.append(f"<IsTruncated>{str(len(page) < len(entries)).lower()}</IsTruncated>")
        if len(page) < len(entries):
            told.append(f"<NextContinuationToken>{base64.urlsafe_b64encode(page[-1][0].encode()).decode()}</NextContinuationToken>")
        for name, found in page:
            if found:
                of_key = f"<Key>{escape(name)}</Key><Generation>{found.generation}</Generation><MetaGeneration>1</MetaGeneration>"
                of_bytes = f"<LastModified>{instant(found.modified)}</LastModified><ETag>{escape(found.etag)}</ETag><Size>{len(found.data)}</Size>"
                told.append(f"<Contents>{of_key}{of_bytes}</Contents>")
            else:
                told.append(f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>")
        return 200, {}, f"<?xml version='1.0' encoding='UTF-8'?><ListBucketResult xmlns='{XMLNS}'>{''.join(told)}</ListBucketResult>".encode()

    def begin_upload(self, key, headers):
        upload = secrets.token_urlsafe(24)
        self.uploads[upload] = (key, headers.get("Content-Type", "application/octet-stream"), {})
        told = f"<Bucket>ledger</Bucket><Key>{escape(key)}</Key><UploadId>{upload}</UploadId>"
        return 200, {}, f"<InitiateMultipartUploadResult xmlns='{XMLNS}'>{told}</InitiateMultipartUploadResult>".encode()

    def upload(self, key, query):
        of_key, kind, parts = self.uploads.get(query["uploadId"], (None, None, None))
        if of_key != key:
            raise Refused(404, "NoSuchUpload", "The requested upload was not found.")
        return kind, parts

    def put_part(self, key, query, data):
        _, parts = self.upload(key, query)
        number = int(query["partNumber"])
        if not 1 <= number <= 10_000:
            raise Refused(400, "InvalidArgument", "Invalid argument.", "partNumber is from 1 to 10000")
        etag = f'"{hashlib.md5(data).hexdigest()}"'
        parts[number] = (etag, data)
        return 200, {"ETag": etag}, b""

    def complete_upload(self, key, query, headers, body):
        kind, parts = self.upload(key, query)
        named = [(int(part.findtext("{*}PartNumber")), part.findtext("{*}ETag")) for part in xml.fromstring(body).findall("{*}Part")]
        numbers = [number for number, _ in named]
        if not named or numbers != sorted(set(numbers)):
            raise Refused(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
        if any(parts.get(number, (None,))[0] != etag for number, etag in named):
            raise Refused(400, "InvalidPart", "One or more of the specified parts could not be found or have another ETag.")
        if any(len(parts[number][1]) < SMALLEST_PART for number in numbers[:-1]):
            raise Refused(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed object size.")
        # The ETag of what was put together is no MD5.
        etag = f'"-{secrets.token_urlsafe(12)}="'
        made = self.write(key, headers, b"".join(parts[number][1] for number in numbers), kind, etag)
        del self.uploads[query["uploadId"]]
        told = f"<Bucket>ledger</Bucket><Key>{escape(key)}</Key><ETag>{escape(etag)}</ETag>"
        return 200, of_a_write(made), f"<CompleteMultipartUploadResult xmlns='{XMLNS}'>{told}</CompleteMultipartUploadResult>".encode()

    def answer(self, method, key, query, headers, body):
        """Status, headers and body of what is asked of a key, or of the bucket where there is none."""
        if not key and method == "GET":
            return self.list(query)
        if key and method in ("GET", "HEAD"):
            return self.read(key, query, headers)
        if key and method == "DELETE" and "uploadId" in query:
            self.upload(key, query)
            del self.uploads[query["uploadId"]]
            return 204, {}, b""
        if key and method == "DELETE":
            return self.remove(key, headers)
        if key and method == "POST" and "uploads" in query:
            return self.begin_upload(key, headers)
        if key and method == "POST" and "uploadId" in query:
            return self.complete_upload(key, query, headers, body)
        if key and method == "PUT" and "uploadId" in query:
            return self.put_part(key, query, body)
        if key and method == "PUT" and "x-goog-copy-source" in headers:
            return self.copy(key, headers)
        if key and method == "PUT":
            made = self.write(key, headers, body, headers.get("Content-Type", "application/octet-stream"))
            return 200, of_a_write(made), b""
        raise Refused(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")


def of_a_write(made):
    return {"ETag": made.etag, "x-goog-generation": str(made.generation), "x-goog-metageneration": "1"}


def instant(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03}Z"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Else small replies wait for one another.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def body(self):
        size = self.headers.get("Content-Length")
        if size is None and self.command in ("PUT", "POST"):
            self.close_connection = True
            raise Refused(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
        return self.rfile.read(int(size or 0))

    def is_let_in(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme != "Bearer" or not token:
            return False
        # A token is used again and again.
        if token not in self.server.tokens and self.server.account.has_signed(token):
            self.server.tokens.add(token)
        return token in self.server.tokens

    def metadata(self):
        if self.headers.get("Metadata-Flavor") != "Google":
            return 403, {}, b"Missing required header: Metadata-Flavor"
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self.server.tokens.add(token)
        told = {"access_token": token, "expires_in": 3599, "token_type": "Bearer"}
        return 200, {"Content-Type": "application/json"}, json.dumps(told).encode()

    def reply(self):
        path, _, query = self.path.partition("?")
        body = self.body()
        if path == TOKEN_PATH:
            return self.metadata()
        if not self.is_let_in():
            raise Refused(401, "AuthenticationRequired", "Authentication required.")
        bucket, _, key = path.lstrip("/").partition("/")
        if urllib.parse.unquote(bucket) != "ledger":
            raise Refused(404, "NoSuchBucket", "The specified bucket does not exist.")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        with self.server.lock:
            return self.server.bucket.answer(self.command, urllib.parse.unquote(key), query, self.headers, body)

    def answer(self):
        try:
            status, headers, body = self.reply()
        except Refused as refused:
            status, headers, body = refused.status, {}, refused.body
        self.send_response(status)
        for name, value in ({"Content-Type": "application/xml; charset=UTF-8"} | headers).items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = answer


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("key_file")
    parser.add_argument("--page", type=int, default=1000)
    parser.add_argument("--slow", action="store_true")
    options = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    server.account, server.tokens, server.lock = Account(), set(), threading.Lock()
    server.bucket = Bucket(options.page, options.slow)
    with open(options.key_file, "w", encoding="utf-8") as file:
        json.dump(server.account.key_file(), file)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
