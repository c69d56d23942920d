"""A real S3 server of the tests' own: S3Proxy over a folder."""

import subprocess
import time
from pathlib import Path

from infra import java, ports

KEY, SECRET = "test-key", "test-secret"
PROPERTIES = """\
s3proxy.endpoint=http://127.0.0.1:{port}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={key}
s3proxy.credential={secret}
# Clients send checksums of kinds that it does not know.
s3proxy.ignore-unknown-headers=true
jclouds.provider=filesystem-nio2
jclouds.filesystem.basedir={folder}
# Of the back end, which asks for none.
jclouds.identity=unused
jclouds.credential=unused
"""


class S3Server:
    """Buckets are folders in `folder`. It dies with the test process."""

    def __init__(self, folder: Path) -> None:
        self._port = ports.free(1)[0]
        self.folder = folder
        self.environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self._port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def bucket(self, name: str) -> str:
        """Makes a bucket; its URL."""
        (self.folder / name).mkdir()
        return f"s3://{name}"

    def start(self) -> None:
        """Starts it and waits until it listens."""
        self.folder.mkdir(parents=True)
        properties, log = self.folder.with_suffix(".properties"), self.folder.with_suffix(".log")
        properties.write_text(PROPERTIES.format(port=self._port, key=KEY, secret=SECRET, folder=self.folder))
        command = [java.java(), "-Xmx256m", "-DLOG_LEVEL=warn", "-cp", java.classpath("s3"), "org.gaul.s3proxy.Main"]
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *command, "--properties", str(properties)], stdout=output, stderr=output
            )
        deadline = time.monotonic() + 60
        while not ports.taken(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"S3Proxy did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait(30)
