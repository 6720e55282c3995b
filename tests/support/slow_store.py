"""A folder as an S3 server whose answers a test can keep back: slow_store.py ROOT CONTROL

Serves the files below ROOT/BUCKET/ on a free port of 127.0.0.1, whose number it writes to CONTROL/port. While the file CONTROL/away
is there, listings of an hour are answered by 503, while CONTROL/broken is there, objects are; while CONTROL/hold is there, objects whose key has its text in it are not
given: CONTROL/holding says that one is asked for. It ends when its standard input does.
"""
import os, sys, threading, time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

root, control = sys.argv[1:3]


def there(name):
    return os.path.exists(os.path.join(control, name))


def held(key):
    try:
        with open(os.path.join(control, "hold")) as file:
            return file.read().strip() in key
    except FileNotFoundError:
        return False


def etag(path):
    at = os.stat(path)
    return '"%x-%x"' % (at.st_size, at.st_mtime_ns)


def listing(bucket, prefix):
    keys = []
    for folder, _, names in os.walk(os.path.join(root, bucket)):
        keys += [os.path.relpath(os.path.join(folder, name), os.path.join(root, bucket)) for name in names]
    contents = ""
    for key in sorted(k for k in keys if k.startswith(prefix)):
        path = os.path.join(root, bucket, key)
        contents += "<Contents><Key>%s</Key><LastModified>2022-06-06T00:00:00.000Z</LastModified><ETag>%s</ETag><Size>%d</Size></Contents>" % (
            quote(key), escape(etag(path)), os.stat(path).st_size)
    return ("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>%s</ListBucketResult>" % contents).encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self):
        url = urlsplit(self.path)
        bucket, _, key = unquote(url.path).lstrip("/").partition("/")
        if not key:
            prefix = parse_qs(url.query).get("prefix", [""])[0]
            if "yyyy=" in prefix and there("away"):
                return self.answer(503)
            return self.answer(200, listing(bucket, prefix))
        if there("broken"):
            return self.answer(503)
        if held(key):
            open(os.path.join(control, "holding"), "w").close()
            while held(key):
                time.sleep(0.01)
        path = os.path.join(root, bucket, key)
        with open(path, "rb") as file:
            self.answer(200, file.read(), ETag=etag(path), Last_Modified=formatdate(os.stat(path).st_mtime, usegmt=True))

    do_HEAD = do_GET


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):  # whoever asked was killed
            super().handle_error(request, client_address)


server = Server(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(os.path.join(control, "port.new"), "w") as file:
    print(server.server_address[1], file=file)
os.rename(os.path.join(control, "port.new"), os.path.join(control, "port"))
sys.stdin.read()
