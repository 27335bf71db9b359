"""A device's side of an update, in one file: ask, fetch (going on after a cut), check, put on, say so.

    python update.py --url http://127.0.0.1:8000 --token DEVICE_TOKEN --folder /var/lib/firmware [--public-key KEY]

It keeps what it runs in FOLDER/version and puts new images to FOLDER/firmware.bin. A real device writes to its other
slot instead, starts anew, and says what it runs when it is up. Needs httpx and cryptography.
"""

import argparse
import base64
import hashlib
import json
import sys
import time
from pathlib import Path

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TRIES = 8
LONGEST_WAIT = 30.0


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Unusable(Exception):
    """The image is not what was promised."""


class Server:
    def __init__(self, url: str, token: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=30, trust_env=False)
        self.bearer = {"authorization": f"Bearer {token}"}

    def check(self, running: str) -> dict | None:
        asked = {"input": json.dumps({"runningVersion": running})}
        answer = self.client.get("/api/trpc/ota.check", params=asked, headers=self.bearer)
        return answer.raise_for_status().json()["result"].get("data")

    def say(self, offer: dict, status: str, **more: object) -> None:
        word = {"id": offer["deploymentId"], "status": status, **more}
        answer = self.client.post("/api/trpc/ota.updateStatus", json=word, headers=self.bearer)
        answer.raise_for_status()  # 409: the update was taken back, or is over by its deadline

    def fetch(self, offer: dict, part: Path) -> None:
        """Bytes are appended to `part`; what is there already is not asked for again."""
        have = part.stat().st_size if part.exists() else 0
        if have == offer["size"]:
            return
        headers = {}
        if have:
            # If it is the same file still; otherwise the server sends it whole.
            headers = {"range": f"bytes={have}-", "if-range": f'"{offer["sha256"]}"'}
        with self.client.stream("GET", offer["url"], headers=headers, follow_redirects=True) as answer:
            if answer.status_code == 416:
                part.unlink()
            answer.raise_for_status()
            with part.open("ab" if answer.status_code == 206 else "wb") as file:
                for piece in answer.iter_raw():
                    file.write(piece)


def download(server: Server, offer: dict, running: str, part: Path) -> dict:
    """Until all of it is there; a link that has run out is asked for anew. Returns the offer that it came by."""
    wait = 1.0
    for _ in range(TRIES):
        try:
            server.fetch(offer, part)
        except httpx.HTTPStatusError as error:
            if error.response.status_code in (401, 403):
                fresh = server.check(running)
                if fresh is None or fresh["deploymentId"] != offer["deploymentId"]:
                    raise Unusable("the update was taken back") from None
                offer = fresh
        except httpx.HTTPError as error:
            tell(f"cut: {error or type(error).__name__}")
        have = part.stat().st_size if part.exists() else 0
        server.say(offer, "downloading", progress=min(have * 100 // offer["size"], 100))
        if have >= offer["size"]:
            return offer
        time.sleep(wait)
        wait = min(wait * 2, LONGEST_WAIT)
    raise Unusable(f"the download was cut {TRIES} times")


def verify(offer: dict, part: Path, public_key: str) -> None:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != offer["sha256"]:
        part.unlink()
        raise Unusable(f"SHA-256 is {digest}")
    if not public_key:
        return
    if not offer["signature"]:
        raise Unusable("it is not signed")
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key))
    try:
        key.verify(base64.b64decode(offer["signature"]), offer["manifest"].encode())
    except InvalidSignature:
        raise Unusable("the signature is by somebody else") from None
    signed = json.loads(offer["manifest"])
    if (signed["sha256"], signed["size"], signed["version"]) != (digest, offer["size"], offer["version"]):
        raise Unusable("what was signed is another image")


def update(server: Server, folder: Path, public_key: str) -> str:
    """One look for an update; returns what became of it."""
    kept = folder / "version"
    running = kept.read_text().strip() if kept.exists() else "1.0.0"
    offer = server.check(running)
    if offer is None:
        return f"nothing to do: {running} it is"
    # Named by what it is to become, so that a restart finds what it has of this image and of no other.
    part = folder / f"{offer['sha256']}.part"
    server.say(offer, "downloading", runningVersion=running)
    try:
        offer = download(server, offer, running, part)
        verify(offer, part, public_key)
    except Unusable as reason:
        server.say(offer, "failed", errorMessage=str(reason))
        return f"failed: {reason}"
    server.say(offer, "installing")
    part.replace(folder / "firmware.bin")
    kept.write_text(offer["version"])
    # Here a real device starts anew. What follows it says when it is up, with the version that really runs.
    server.say(offer, "completed", runningVersion=kept.read_text())
    return f"runs {offer['version']}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--token", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--public-key", default="", help="Ed25519, base64: only what it has signed is put on")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    told = update(Server(options.url, options.token), options.folder, options.public_key)
    tell(told)
    return 1 if told.startswith("failed") else 0


if __name__ == "__main__":
    sys.exit(main())
