"""A second Signature Version 4, written apart from the first: reads requests with what the first signer made of them
(tab-separated, each field in hex; lists divided by commas) and says where the two differ."""
import datetime
import hashlib
import hmac
import sys
from urllib.parse import quote


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def sign(method, path, region, service, wall, ident, secret, token, payload, expires, query, headers):
    """Target and Authorization; with `expires` all of it is in the target, and the second is empty."""
    when = datetime.datetime.fromtimestamp(int(wall), datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{when[:8]}/{region.decode()}/{service.decode()}/aws4_request"
    lines = dict(headers)
    query = list(query)
    if not expires:
        lines[b"x-amz-date"] = when.encode()
        if service == b"s3":
            lines[b"x-amz-content-sha256"] = payload
        if token:
            lines[b"x-amz-security-token"] = token
    names = sorted(lines)
    signed = ";".join(n.decode() for n in names)
    if expires:
        query += [(b"X-Amz-Algorithm", b"AWS4-HMAC-SHA256"), (b"X-Amz-Credential", ident + b"/" + scope.encode()),
                  (b"X-Amz-Date", when.encode()), (b"X-Amz-Expires", expires), (b"X-Amz-SignedHeaders", signed.encode())]
        query += [(b"X-Amz-Security-Token", token)] if token else []
    uri = quote(path, safe="/-._~")
    pairs = sorted((quote(n, safe="-._~"), quote(v, safe="-._~")) for n, v in query)
    search = "&".join(f"{n}={v}" for n, v in pairs)
    block = b"".join(n + b":" + b" ".join(lines[n].split()) + b"\n" for n in names)
    canonical = b"\n".join([method, uri.encode(), search.encode(), block, signed.encode(), payload])
    text = "\n".join(["AWS4-HMAC-SHA256", when, scope, hashlib.sha256(canonical).hexdigest()])
    key = mac(b"AWS4" + secret, when[:8])
    for part in (region.decode(), service.decode(), "aws4_request"):
        key = mac(key, part)
    target = uri + ("?" + search if search else "")
    if expires:
        return f"{target}&X-Amz-Signature={mac(key, text).hex()}", ""
    return target, f"AWS4-HMAC-SHA256 Credential={ident.decode()}/{scope},SignedHeaders={signed},Signature={mac(key, text).hex()}"


def pairs_of(field):
    flat = [bytes.fromhex(part) for part in field.split(",")] if field else []
    return list(zip(flat[::2], flat[1::2]))


count = 0
for line in open(sys.argv[1], encoding="ascii"):
    *plain, query, headers, target, authorization = line.rstrip("\n").split("\t")
    wanted = sign(*[bytes.fromhex(f) for f in plain], pairs_of(query), pairs_of(headers))
    got = bytes.fromhex(target).decode(), bytes.fromhex(authorization).decode()
    if got != wanted:
        sys.exit(f"request {count}: {got} is not {wanted}")
    count += 1
print(f"{count} signatures agree")
sys.exit(count != int(sys.argv[2]))
