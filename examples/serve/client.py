"""Ask `imgae serve`, with nothing but Python's standard library.

client.py denoise PICTURE OUTPUT [FIELD=VALUE ...]
client.py inpaint PICTURE OUTPUT [FIELD=VALUE ...]
client.py mask PICTURE OUTPUT [FIELD=VALUE ...]

A field has the name of an option of the command line, as in strength=0.8; strokes=@FILE.json takes
its value from a file. Shows how far the work is; Ctrl-C cancels it on the server, too. The address
is that of IMGAE_SERVER, or http://127.0.0.1:8765; IMGAE_TOKEN holds the token, if there is one.
"""

import json
import os
import sys
import urllib.error
import urllib.request
import uuid
from pathlib import Path

SERVER = os.environ.get("IMGAE_SERVER", "http://127.0.0.1:8765")


def ask(method, path, body=None, **headers):
    """Return the open answer; a problem ends the program with its sentence."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    if token := os.environ.get("IMGAE_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(SERVER + path, body, headers, method=method)
    try:
        return urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        sys.exit(f"{error.code}: {json.load(error)['detail']}")


def form(fields, files):
    """Return a body of multipart/form-data and its content type."""
    boundary, parts = uuid.uuid4().hex, []
    for name, value in fields.items():
        parts.append(f'form-data; name="{name}"\r\n\r\n{value}'.encode())
    for name, path in files.items():
        head = f'form-data; name="{name}"; filename="{path.name}"\r\n\r\n'
        parts.append(head.encode() + path.read_bytes())
    head = f"--{boundary}\r\nContent-Disposition: ".encode()
    body = b"".join(head + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def events(job):
    """Yield the states of a job, from its stream of events, until it has ended."""
    with ask("GET", f"/v1/jobs/{job}/events") as stream:
        for line in stream:
            if line.startswith(b"data:"):
                yield json.loads(line.removeprefix(b"data:"))


def restore(kind, picture, output, fields):
    body, content_type = form(fields, {"image": picture})
    headers = {"Content_Type": content_type, "Prefer": "respond-async"}
    with ask("POST", f"/v1/{kind}", body, **headers) as answer:
        job = json.load(answer)
    try:
        for state in events(job["id"]):
            job = state
            print(f"{state['status']} {state['progress']:.0%}", file=sys.stderr)
        if job["status"] != "done":
            sys.exit(job["problem"]["detail"] if job["problem"] else job["status"])
        with ask("GET", f"/v1/jobs/{job['id']}/result") as answer:
            output.write_bytes(answer.read())
    finally:  # after Ctrl-C this cancels the work; else it only makes room
        ask("DELETE", f"/v1/jobs/{job['id']}").close()
    print(f"{picture} -> {output}: {json.dumps(job['record'])}")


def main(kind, picture, output, *words):
    fields = {}
    for word in words:
        name, _, value = word.partition("=")
        fields[name] = Path(value[1:]).read_text() if value.startswith("@") else value
    try:
        restore(kind, Path(picture), Path(output), fields)
    except KeyboardInterrupt:
        sys.exit("cancelled")
    except urllib.error.URLError as error:
        sys.exit(f"{SERVER}: {error.reason}; is imgae serve running?")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
