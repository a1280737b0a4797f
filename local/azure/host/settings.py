"""What the environment and local.settings.json say, read by the rules of the Functions host.

Must not know which trigger asks. Names are looked up as .NET configuration does: upper and lower case are the same, and
`__` separates a section from its keys.
"""

import json
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from local.azure.host.errors import WITHOUT_IT, CannotStart

_PLACEHOLDER = re.compile(r"%([^%]*)%")


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a service is and how to sign in: either a connection string, or an endpoint and an identity."""

    name: str
    connection_string: str | None = None
    endpoint: str | None = None
    credential: str | None = None
    client_id: str | None = None

    @property
    def target(self) -> str:
        """What two names for one service have in common."""
        return self.connection_string or self.endpoint or ""


def apply_local_settings(path: Path, environ: MutableMapping[str, str]) -> None:
    """Add `Values` and `ConnectionStrings` of local.settings.json to `environ`; what stands there already wins."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as exc:
        raise CannotStart(f"{path} cannot be read ({exc.strerror}): copy local.settings.sample.json to it") from exc
    except ValueError as exc:
        raise CannotStart(f"{path} is not JSON ({exc}): correct it") from exc
    if not isinstance(content, dict):
        raise CannotStart(f"{path} does not hold a JSON object: correct it")
    if content.get("IsEncrypted"):
        raise CannotStart(f"{path} is encrypted, which the local host cannot read: run `func settings decrypt`")
    for section, prefix in (("Values", ""), ("ConnectionStrings", "ConnectionStrings__")):
        for name, value in (content.get(section) or {}).items():
            if not isinstance(value, str):
                raise CannotStart(f"{path}: the setting {name} in {section} is not a string: put it in quotation marks")
            environ.setdefault(prefix + name, value)


class Settings:
    """Application settings, as triggers refer to them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._values = {_folded(name): value for name, value in environ.items()}

    def resolve(self, text: str, *, where: str) -> str:
        """Replace every `%NAME%` in `text`. `where` names the function and attribute, for the message."""
        if text.count("%") % 2:
            raise CannotStart(f"{where}: '{text}' has a % without its partner: write %NAME%", there=WITHOUT_IT)

        def value_of(match: re.Match[str]) -> str:
            value = self._values.get(_folded(match[1]))
            if value is None:
                raise CannotStart(
                    f"{where}: no setting is named {match[1]}: set it in the environment or local.settings.json",
                    there=WITHOUT_IT,
                )
            return value

        return _PLACEHOLDER.sub(value_of, text)

    def disables(self, function: str) -> bool:
        """Whether `AzureWebJobs.FUNCTION.Disabled` switches a function off. With `__` for the dots it does not."""
        return self._values.get(_folded(f"AzureWebJobs.{function}.Disabled"), "").lower() in ("true", "1")

    def connection(self, name: str, *, endpoint_key: str, where: str) -> Connection:
        """Find the connection called `name`. `endpoint_key` is the key that holds an identity connection's address."""
        for key in (f"AzureWebJobs{name}", name):
            for base in (f"ConnectionStrings__{key}", key):
                if value := self._values.get(_folded(base)):
                    return Connection(name, connection_string=value)
                if endpoint := self._values.get(_folded(f"{base}__{endpoint_key}")):
                    credential, client_id = (
                        self._values.get(_folded(f"{base}__{k}")) for k in ("credential", "clientId")
                    )
                    return Connection(name, endpoint=endpoint, credential=credential, client_id=client_id)
        raise CannotStart(
            f"{where}: the connection {name} is not set: give {name} (a connection string) or {name}__{endpoint_key}"
            " in the environment or local.settings.json",
            there=WITHOUT_IT,
        )


def _folded(name: str) -> str:
    return name.replace(":", "__").casefold()
