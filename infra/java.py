"""Where Java and the jars that Maven fetched are."""

import os
import shutil
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
JARS = CHECKOUT / ".chronicast" / "jars"


class JavaMissingError(RuntimeError):
    """Java or a set of jars is not installed. Operator action: run `./chronicast doctor --fix`."""


def java() -> str:
    """Path of the Java launcher.

    Raises:
        JavaMissingError: there is none.
    """
    found = shutil.which("java")
    if found is None:
        raise JavaMissingError("Java is not installed; ./chronicast up installs it (Debian: openjdk-17-jre-headless)")
    return found


def classpath(jars: str) -> str:
    """Class path of a set of jars (`kafka`, `flink` or `s3`), our log settings first.

    Raises:
        JavaMissingError: the set has not been fetched.
    """
    folder = JARS / jars
    if not any(folder.glob("*.jar")):
        raise JavaMissingError(f"no jars in {folder}; ./chronicast up fetches them (mvn -f infra/jars/pom.xml -P {jars} package)")
    return f"{CHECKOUT / 'infra' / 'jars' / 'conf'}:{folder}/*"


def pyflink_environment(scratch: Path) -> dict[str, str]:
    """Variables for a process that uses pyflink, which starts `python` by name and finds its own packages by it.

    A JVM that is killed leaves copies of Flink's jars, of 24 and 46 MB: they lie in `scratch`, which the caller removes.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "JDK_JAVA_OPTIONS": f'"-Djava.io.tmpdir={scratch}"'}
