"""Verification as data: a table of a profile says how a sender signs, and a scheme checks requests by it.

The keys of the table:

type        `hmac`, `ed25519`, `rsa` (PKCS#1 v1.5), `ecdsa-p256`, `token` (the request carries the secret) or `none`
hash        `sha1`, `sha256` (default) or `sha512`; not with `ed25519`, `token` and `none`
secret      how the secret's text becomes a key: `text` (default), `base64`, `hex` or `whsec` (base64 after `whsec_`);
            of public keys `pem` (default), or `base64`, `hex` or `whpk` of the DER form or of Ed25519's 32 bytes
encoding    of the signature: `hex` (default), `base64` or `base64url`
header      the header with the signature, or a list of headers each of which may have one
body        instead of `header`: the JSON Pointer of the signature in the body
prefix      what stands before each signature: `sha256=`, `v1,`
format      `single` (default); `space`: several signatures between spaces; `pairs`: `t=…,v1=…,v1=…`
pair        of `pairs`: the key of signatures, such as `v1`
separator   of `pairs`: `,` (default) or `;`
signed      the signed text: `{body}` (default), and `{timestamp}`, `{id}`, `{header:NAME}`, `{method}`, `{url}`,
            `{form}` (name and value of each form field, sorted) between literal text; `{{` and `}}` stand for braces
timestamp   a table: `header`, `body` (a JSON Pointer) or `pair` say where it stands, `unit` is `s` (default), `ms` or
            `iso`, and `tolerance` is in seconds (default 300) before and after the time of the check
id          a table: `header` or `body` says where the delivery's id stands
"""

from receiver.senders.request import Detail
from receiver.senders.schemes.places import Envelope
from receiver.senders.schemes.reading import read_scheme
from receiver.senders.schemes.scheme import KeptRequest, Scheme, describe_lack, describe_places, fits
from receiver.senders.schemes.secret import FEWEST_BYTES, Secret

__all__ = [
    "FEWEST_BYTES",
    "Detail",
    "Envelope",
    "KeptRequest",
    "Scheme",
    "Secret",
    "describe_lack",
    "describe_places",
    "fits",
    "read_scheme",
]
